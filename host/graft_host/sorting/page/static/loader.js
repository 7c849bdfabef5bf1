// Loads thumbnails of tiles that are visible or nearly so, a few at a time, and drops those that were seen longest ago.

import {picture} from './api.js';

const AT_ONCE = 6;
const MOST = 600; // thumbnails in memory
const AHEAD = '800px 0px';

const wanted = new Set(); // frames that are near the window, those that came last at the end
const loaded = new Map(); // frame to address, those that were seen longest ago first
let running = 0;

const watcher = new IntersectionObserver((entries) => {
  for (const {target, isIntersecting} of entries) {
    if (isIntersecting && !loaded.has(target)) wanted.add(target);
    else if (isIntersecting) touch(target);
    else wanted.delete(target);
  }
  next();
}, {rootMargin: AHEAD});

/** Shows a thumbnail in a frame when it comes near the window; `part` is as for `picture`. */
export function watch(frame, id, part) {
  frame.dataset.id = id;
  frame.dataset.part = part;
  watcher.observe(frame);
}

/** Forgets a frame that is no longer shown. */
export function unwatch(frame) {
  watcher.unobserve(frame);
  wanted.delete(frame);
  drop(frame);
}

/** Loads again what could not be loaded, as after the server came back. */
export function retry() {
  for (const note of document.querySelectorAll('.thumb .missing')) {
    const frame = note.parentElement;
    note.remove();
    watcher.unobserve(frame);
    watcher.observe(frame);
  }
}

function next() {
  while (running < AT_ONCE && wanted.size) {
    const [frame] = wanted;
    wanted.delete(frame);
    running += 1;
    load(frame).finally(() => {
      running -= 1;
      next();
    });
  }
}

async function load(frame) {
  try {
    const address = await picture(frame.dataset.id, frame.dataset.part);
    if (!frame.isConnected) {
      URL.revokeObjectURL(address);
      return;
    }
    const image = new Image();
    image.alt = '';
    image.draggable = false;
    image.src = address;
    frame.replaceChildren(image);
    loaded.set(frame, address);
    if (loaded.size > MOST) drop(loaded.keys().next().value);
  } catch (problem) {
    const note = document.createElement('span');
    note.className = 'missing';
    note.textContent = problem.status === 404 ? problem.message : 'not loaded';
    frame.replaceChildren(note);
  }
}

function touch(frame) {
  const address = loaded.get(frame);
  loaded.delete(frame);
  loaded.set(frame, address);
}

function drop(frame) {
  const address = loaded.get(frame);
  if (address === undefined) return;
  loaded.delete(frame);
  URL.revokeObjectURL(address);
  frame.replaceChildren();
  if (frame.isConnected) { // it is loaded again when it comes back
    watcher.unobserve(frame);
    watcher.observe(frame);
  }
}
