// Connects the page: photos that are chosen, dropped or pasted, and the camera.

import {sentence} from './shared/answer.js';
import {Camera} from './shared/camera.js';
import {classify, model as fetchModel, sample} from './shared/server.js';
import {
  ageAnswer, clearAnswer, say, showAnswer, showLatency, showModel, showProblem, showSamples,
} from './view.js';

const at = (id) => document.getElementById(id);
const RECENT = 15; // the number of frames over which the camera's latency is measured
const ATTEMPTS = 4;
const BAD_PHOTO = [400, 413, 415]; // the statuses that mean that the photo cannot be used

let card = null;
let current = null; // the request whose answer will be shown
let recent = [];

const camera = new Camera(at('video'), classifyFrame, cameraEnded);

async function load() {
  try {
    card = await fetchModel();
    showModel(card);
  } catch (problem) {
    at('no-model').textContent = `Not available: ${problem.message}.`;
    if (problem.status !== 401) showProblem(problem.message);
    return;
  }
  const photos = await Promise.all(card.samples.map((one) => (
    sample(one).then((file) => ({file, label: one.label}), () => null) // a sample that cannot be had is not offered
  )));
  showSamples(photos.filter(Boolean), (file) => classifyPhoto([file]));
}

// A photo

async function classifyPhoto(files) {
  const photo = [...files].find((file) => file.type.startsWith('image/')) ?? files[0];
  if (!photo) return;
  stopCamera();
  current?.abort();
  at('busy').hidden = true;
  showPhoto(photo);
  if (card && photo.size > card.limits.bytes) {
    fillFrame(null);
    clearAnswer();
    showProblem(`the photo is ${(photo.size / 1e6).toFixed(1)} MB; the limit is ${card.limits.bytes / 1e6} MB`);
    return;
  }
  const request = current = new AbortController();
  at('busy').hidden = false;
  try {
    const {answer, total} = await classifyWithRetries(photo, request.signal);
    if (request !== current) return;
    if (!card) load();
    showAnswer(answer, card);
    showLatency(shares(answer, total), 0);
    showProblem('');
    say(sentence(answer), true);
  } catch (problem) {
    if (problem.name === 'AbortError' || request !== current) return;
    if (BAD_PHOTO.includes(problem.status)) fillFrame(null);
    clearAnswer();
    showProblem(problem.message);
  } finally {
    if (request === current) at('busy').hidden = true;
  }
}

/** Classifies a photo, and tries again while the server is busy. */
async function classifyWithRetries(photo, signal) {
  for (let left = ATTEMPTS; ; left -= 1) {
    try {
      return await classify(photo, signal);
    } catch (problem) {
      if (problem.status !== 503 || left <= 1) throw problem;
      await new Promise((resolve) => setTimeout(resolve, 1000 * Math.min(problem.wait || 1, 5)));
      signal.throwIfAborted();
    }
  }
}

function showPhoto(photo) {
  const shown = new Image();
  shown.alt = `The photo ${photo.name}`;
  shown.onload = shown.onerror = () => URL.revokeObjectURL(shown.src);
  shown.src = URL.createObjectURL(photo);
  shown.decode().catch(() => {
    if (!shown.isConnected) return;
    shown.remove();
    at('no-preview').hidden = false;
    at('no-preview').textContent = `This browser cannot show ${photo.name || 'this file'}.`;
  });
  fillFrame(shown);
  ageAnswer();
  showProblem('');
}

/** Shows a photo or the camera; with null, the invitation to drop a photo. */
function fillFrame(shown) {
  at('frame').classList.toggle('filled', shown !== null);
  at('empty').hidden = shown !== null;
  at('no-preview').hidden = true;
  at('video').hidden = shown !== at('video');
  at('frame').querySelector('img')?.remove();
  if (shown instanceof Image) at('frame').prepend(shown);
}

function shares(answer, total) {
  const {queue, preprocess, invoke} = answer.ms;
  return {total, network: Math.max(0, total - queue - preprocess - invoke), queue, preprocess, invoke};
}

// The camera

async function classifyFrame(frame) {
  try {
    const {answer, total} = await classify(frame, current.signal);
    if (!camera.on) return;
    showAnswer(answer, card);
    recent = [...recent, {at: performance.now(), ...shares(answer, total)}].slice(-RECENT);
    showLatency(typical(recent), rate(recent));
    showProblem('');
    say(sentence(answer), false);
  } catch (problem) {
    if (problem.name === 'AbortError' || !camera.on) return;
    if (problem.status === 503) {
      await new Promise((resolve) => setTimeout(resolve, 1000 * Math.min(problem.wait || 1, 5)));
      return;
    }
    clearAnswer();
    showProblem(problem.message);
    if (problem.status === 401) stopCamera();
    else await new Promise((resolve) => setTimeout(resolve, 2000));
  }
}

/** The median of each share, so that one slow frame does not change the figures. */
function typical(frames) {
  const median = (key) => frames.map((frame) => frame[key]).sort((a, b) => a - b)[Math.floor(frames.length / 2)];
  return Object.fromEntries(['total', 'network', 'queue', 'preprocess', 'invoke'].map((key) => [key, median(key)]));
}

function rate(frames) {
  const seconds = (frames.at(-1).at - frames[0].at) / 1000;
  return seconds > 0 ? (frames.length - 1) / seconds : 0;
}

async function startCamera(open) {
  current?.abort();
  at('busy').hidden = true;
  showProblem('');
  try {
    recent = [];
    await open();
    current?.abort(); // a photo that was dropped while the browser asked for permission
    current = new AbortController();
    at('busy').hidden = true;
  } catch (error) {
    if (!at('video').hidden) fillFrame(null);
    cameraButtons();
    showProblem(error.message);
    return;
  }
  clearAnswer();
  fillFrame(at('video'));
  cameraButtons();
  at('turn').hidden = await camera.count() < 2;
}

function stopCamera() {
  if (!camera.on) return;
  camera.stop();
  current?.abort();
  fillFrame(null);
  clearAnswer();
  cameraButtons();
}

function cameraEnded(reason) {
  fillFrame(null);
  clearAnswer();
  cameraButtons();
  showProblem(reason);
}

function cameraButtons() {
  at('camera').textContent = camera.on ? 'Stop the camera' : 'Use the camera';
  at('camera').setAttribute('aria-pressed', String(camera.on));
  if (!camera.on) at('turn').hidden = true;
}

// The viewer's actions

at('choose').onclick = at('empty').onclick = () => at('file').click();
at('file').onchange = () => {
  classifyPhoto(at('file').files);
  at('file').value = ''; // so that the same photo can be chosen again
};
at('camera').onclick = () => (camera.on ? stopCamera() : startCamera(() => camera.start()));
at('turn').onclick = () => startCamera(() => camera.turn());

let depth = 0; // dragenter events minus dragleave events: each element on the way sends both
document.ondragenter = () => at('stage').classList.toggle('dropping', (depth += 1) > 0);
document.ondragleave = () => at('stage').classList.toggle('dropping', (depth -= 1) > 0);
document.ondragover = (event) => event.preventDefault();
document.ondrop = (event) => {
  event.preventDefault();
  depth = 0;
  at('stage').classList.remove('dropping');
  classifyPhoto(event.dataTransfer.files);
};
document.onpaste = (event) => {
  if (event.clipboardData.files.length) classifyPhoto(event.clipboardData.files);
};

load();
