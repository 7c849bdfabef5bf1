// The camera's preview and its settings, in the card of the class that is recorded.

import {Camera, NoCamera} from './camera.js';
import {Recorder} from './recorder.js';
import {remember, remembered} from './remembered.js';
import {button, element, speaker} from './words.js';

const RATES = [1, 2, 4, 6, 8, 10];
const COUNTDOWNS = [0, 1, 2, 3];

export class CameraPanel {
  #t;
  #camera;
  #cards;
  #taken = element('output', '', 'photos-taken');
  #count = element('span', '', 'photos-countdown');
  #problem = element('p', '', 'photos-problem');
  #said = speaker('screen-reader');
  #view = element('div', undefined, 'photos-view');
  #settings = element('div', undefined, 'photos-camera-settings');
  #cameras = element('select');
  #cameraField;

  /** `cards(label)` is the card of a class; `take(blob, number, recording, label)` gets each photo. */
  constructor(t, cards, take) {
    this.#t = t;
    this.#cards = cards;
    this.#camera = new Camera(() => this.#fail(new NoCamera('camera_gone')));
    this.recorder = new Recorder(this.#camera, {
      began: (label) => this.#begin(label),
      counts: (seconds) => this.#show(seconds),
      taken: (blob, number, recording, label) => {
        this.#taken.textContent = t('taken', {count: number});
        take(blob, number, recording, label);
      },
      ended: (label, number) => this.#end(label, number),
      failed: (error) => this.#fail(error),
    });
    const {rate, countdown, hands} = this.recorder;
    Object.assign(this.recorder, remembered({rate, countdown, hands}));
    this.root = this.#build();
    document.addEventListener('visibilitychange', () => {
      if (document.hidden) this.recorder.stop();
    });
    addEventListener('blur', () => this.recorder.release());
    addEventListener('keydown', (event) => {
      if (event.key === 'Escape') this.recorder.stop();
    });
  }

  #build() {
    const root = element('div', undefined, 'photos-camera');
    this.#problem.role = 'alert';
    this.#count.ariaHidden = 'true';
    this.#view.append(this.#camera.video, this.#count, this.#taken);
    this.#view.hidden = true;
    this.#cameras.onchange = () => this.#turnOn(this.#cameras.value).catch((error) => this.#fail(error));
    this.#cameraField = this.#field('camera', this.#cameras);
    this.#cameraField.hidden = true;
    this.#settings.append(
      this.#cameraField,
      this.#field('rate', choice(RATES, this.recorder.rate, (one) => this.#t('rate_value', {count: one}), (one) => this.#set('rate', one))),
      this.#field('countdown', choice(COUNTDOWNS, this.recorder.countdown, (one) => this.#t('seconds', {count: one}), (one) => this.#set('countdown', one))),
      this.#handsFree(),
      button('videocam_off', this.#t('camera_off'), () => this.close()),
    );
    root.append(this.#problem, this.#view, this.#settings, this.#said);
    return root;
  }

  close() {
    this.recorder.stop();
    this.#camera.close();
    const card = this.root.closest('section');
    this.root.remove();
    card?.querySelector('.photos-record')?.focus();
  }

  #set(name, value) {
    this.recorder[name] = value;
    const {rate, countdown, hands} = this.recorder;
    remember({rate, countdown, hands});
  }

  #handsFree() {
    const box = element('input');
    box.type = 'checkbox';
    box.checked = !this.recorder.hands;
    box.onchange = () => {
      this.recorder.stop();
      this.#set('hands', !box.checked);
    };
    const field = element('label', undefined, 'photos-check');
    field.append(box, this.#t('hands_free'));
    return field;
  }

  #field(name, node) {
    const field = element('label', this.#t(name), 'photos-field');
    field.append(node);
    return field;
  }

  async #begin(label) {
    const card = this.#cards(label);
    if (this.root.parentElement !== card.cameraPlace) card.cameraPlace.append(this.root);
    this.#problem.textContent = '';
    this.#taken.textContent = '';
    card.recording(true);
    if (!this.#camera.on) await this.#turnOn('');
    else await this.#camera.play();
  }

  async #turnOn(device) {
    this.#view.hidden = this.#settings.hidden = false;
    this.#taken.textContent = this.#t('camera_starting');
    await this.#camera.open(device);
    if (!this.#camera.on) return;
    this.#taken.textContent = '';
    const all = await this.#camera.all();
    this.#cameraField.hidden = all.length < 2;
    this.#cameras.replaceChildren(...all.map(([id, name], place) => {
      const option = element('option', name || this.#t('camera_number', {number: place + 1}));
      option.value = id;
      return option;
    }));
    this.#cameras.value = this.#camera.device;
    this.#problem.textContent = '';
  }

  #show(seconds) {
    this.#count.textContent = seconds || '';
    this.#view.classList.toggle('recording', !seconds && this.recorder.label !== null);
  }

  #end(label, number) {
    this.#count.textContent = '';
    this.#view.classList.remove('recording');
    this.#cards(label)?.recording(false);
    if (!this.#camera.on) return;
    this.#taken.textContent = number ? this.#t('taken', {count: number}) : this.#t('camera_ready');
    this.#said.textContent = this.#taken.textContent;
  }

  #fail(error) {
    if (!(error instanceof NoCamera)) throw error;
    this.#view.hidden = this.#settings.hidden = true;
    this.#problem.textContent = this.#t(error.message);
  }
}

function choice(values, chosen, shown, take) {
  const select = element('select');
  select.append(...values.map((value) => {
    const option = element('option', shown(value));
    option.value = value;
    return option;
  }));
  select.value = chosen;
  select.onchange = () => take(Number(select.value));
  return select;
}
