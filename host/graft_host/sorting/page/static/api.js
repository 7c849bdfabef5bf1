// Sends requests to the server. The address ends in a code, once, which is exchanged for a token that all windows of this browser share.

import {Problem} from './shared/server.js';

const KEY = 'graft-sort-token';
let held = ''; // if the browser forbids storage

/** Exchanges the code in the address for the token, and takes it out of the address. */
export async function enter() {
  const code = location.hash.slice(1);
  if (!/^[\w-]{20,}$/.test(code)) return;
  history.replaceState(null, '', location.pathname);
  const response = await send('session', {method: 'POST', body: JSON.stringify({code}), headers: {'Content-Type': 'application/json'}});
  if (response.ok) keep((await response.json()).token);
  else if (!token()) throw await problemOf(response);
}

/** The state of the table; null if it is still the one with this revision. */
export async function sorting(revision) {
  const response = await call('v1/sorting', {headers: revision ? {'If-None-Match': `"${revision}"`} : {}});
  return response.status === 304 ? null : response.json();
}

/** Changes the table; resolves to its new state. */
export async function change(what, content) {
  const options = {method: 'POST', body: JSON.stringify(content), headers: {'Content-Type': 'application/json'}};
  return (await call(`v1/${what}`, options)).json();
}

/** A picture as an address for an image; `part` is '', '/thumbnail', '/twin' or '/twin/thumbnail'. */
export async function picture(id, part, signal) {
  return URL.createObjectURL(await (await call(`v1/pictures/${encodeURIComponent(id)}${part}`, {signal})).blob());
}

async function call(path, options) {
  const response = await send(path, {...options, headers: {...options.headers, Authorization: `Bearer ${token()}`}});
  if (response.ok || response.status === 304) return response;
  throw await problemOf(response);
}

async function send(path, options) {
  try {
    return await fetch(path, options);
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Problem(0, '‘graft sort’ does not answer: it has ended, or is still starting. What was moved stays moved; start it again to go on');
  }
}

async function problemOf(response) {
  const content = await response.json().catch(() => null);
  const detail = content?.detail ?? `the server answered ${response.status}`;
  if (response.status === 401 && !/used already/.test(detail)) {
    return new Problem(401, 'this page needs the address that ‘graft sort’ printed last in its terminal: open that');
  }
  return new Problem(response.status, detail);
}

function token() {
  try {
    return localStorage.getItem(KEY) ?? held;
  } catch {
    return held;
  }
}

function keep(value) {
  held = value;
  try {
    localStorage.setItem(KEY, value);
  } catch { /* `held` is enough */ }
}
