// Asks the studio for the album, and sends it changes and photos.

import {send} from '/static/requests.js';

let tag = ''; // of the album that was received last

/** The album; null if it is the one that was received last. */
export async function album() {
  const response = await send('/album', {headers: tag ? {'If-None-Match': tag} : {}, cache: 'no-store'});
  if (response.status === 304) return null;
  const content = await response.json();
  tag = response.headers.get('ETag');
  return content;
}

/** Changes the album; resolves to what was done. */
export async function change(what, content = {}) {
  const options = {method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify(content)};
  return (await (await send(`/album/${what}`, options)).json()).done;
}

/** Sends a photo or a zip of photos; resolves to what was done with it. */
export async function upload({content, label, name, recording}, signal) {
  const asked = new URLSearchParams({label, name, recording});
  const options = {method: 'POST', headers: {'Content-Type': 'application/octet-stream'}, body: content, signal};
  return (await send(`/upload?${asked}`, options)).json();
}
