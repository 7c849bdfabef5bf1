// Sends photos to the studio, a few at a time, and says what became of them.

import {isArchive} from './drops.js';
import {upload} from './server.js';
import {button, element, speaker} from './words.js';

const AT_ONCE = 3;
const BEHIND = 20; // photos of the camera that wait, so that a person should know
const MOST_BYTES = 64e6; // of a photo, as in album/receiving.py
const LISTED = 100; // refused files that are shown

export class Uploads {
  #t;
  #waiting = [];
  #running = new Set(); // AbortControllers
  #counts = {};
  #refused = [];
  #bar = element('progress');
  #text = element('p', '', 'photos-upload-text');
  #said = speaker('screen-reader');
  #list = element('ul');
  #recording = '';
  #quiet = true;
  #cancel;
  #done;

  constructor(t) {
    this.#t = t;
    this.root = element('section', undefined, 'photos-uploads');
    this.root.ariaLabel = t('uploads');
    this.root.hidden = true;
    this.#bar.ariaLabel = t('uploads');
    this.#cancel = button('', t('cancel'), () => this.#stop());
    this.#done = button('', t('close'), () => this.#clear());
    const row = element('div', undefined, 'photos-upload-row');
    row.append(this.#text, this.#bar, this.#cancel, this.#done);
    this.root.append(row, this.#list, this.#said);
    this.#clear();
    addEventListener('beforeunload', (event) => {
      if (this.#busy && !this.root.hidden) event.preventDefault(); // the browser asks whether to leave
    });
  }

  /**
   * Sends files: objects with `content`, `label`, `name` and `recording`, which is the same for what is taken back together.
   * `quiet` is for the camera, which shows by itself what it takes: only what goes wrong is shown.
   */
  add(files, quiet = false) {
    if (!files.length) return;
    if (!this.#busy && files[0].recording !== this.#recording) this.#clear();
    this.#recording = files[0].recording;
    this.#quiet &&= quiet;
    this.#counts.total += files.length;
    this.#waiting.push(...files);
    this.#next();
  }

  get #busy() {
    return this.#running.size + this.#waiting.length > 0;
  }

  #clear() {
    this.#counts = {total: 0, sent: 0, added: 0, twins: 0};
    this.#refused = [];
    this.#quiet = true;
    this.root.hidden = true;
    this.#list.replaceChildren();
    this.#text.textContent = this.#said.textContent = '';
  }

  #stop() {
    this.#counts.total -= this.#waiting.length;
    this.#waiting = [];
    for (const one of this.#running) one.abort();
    this.#show();
  }

  #next() {
    while (this.#running.size < AT_ONCE && this.#waiting.length) {
      const running = new AbortController();
      this.#running.add(running);
      this.#send(this.#waiting.shift(), running.signal).finally(() => {
        this.#running.delete(running);
        this.#counts.sent += 1;
        this.#next();
      });
    }
    this.#show();
  }

  async #send(file, signal) {
    if (file.content.size > MOST_BYTES && !isArchive(file)) {
      this.#refuse(file.name, this.#t('too_large', {count: MOST_BYTES / 1e6}));
      return;
    }
    try {
      this.#count(await upload(file, signal));
    } catch (error) {
      if (error.name === 'AbortError') return;
      this.#refuse(file.name, error.status ? error.message : this.#t('no_answer'));
    }
  }

  #count({added = 0, twins = 0, refused = []}) {
    this.#counts.added += added;
    this.#counts.twins += twins;
    for (const {name, reason} of refused) this.#refuse(name, reason);
  }

  #refuse(name, reason) {
    this.#refused.push([name, reason]);
    if (this.#refused.length > LISTED) return;
    const line = element('li');
    line.append(element('bdi', name), `: ${reason}`);
    this.#list.append(line);
  }

  #show() {
    const {total, sent, added, twins} = this.#counts;
    this.root.hidden = !total || (this.#quiet && !this.#refused.length && this.#waiting.length < BEHIND);
    this.#bar.max = Math.max(total, 1);
    this.#bar.value = sent;
    const busy = this.#busy;
    this.#bar.hidden = this.#cancel.hidden = !busy;
    this.#done.hidden = busy;
    if (busy) {
      this.#text.textContent = this.#t('sending', {sent, total});
      return;
    }
    const parts = [this.#t('added', {count: added})];
    if (twins) parts.push(this.#t('twins', {count: twins}));
    if (this.#refused.length) parts.push(this.#t('refused', {count: this.#refused.length}));
    this.#text.textContent = parts.join(' ');
    if (!this.root.hidden) this.#said.textContent = this.#text.textContent;
  }
}
