// Holds: while a button or a key is held, photos are taken at a rate, after a countdown.

import {series} from './words.js';

const SECOND = 1000;

export class Recorder {
  #camera;
  #told;
  #held = null; // what is held: an object that is replaced with each press
  #wake = () => {};
  rate = 4; // photos a second
  countdown = 1; // seconds
  hands = true; // whether a hand holds; else the next press ends

  /**
   * `told` has `taken(blob, number, recording, label)`, `began(label)`, `counts(seconds)`, `ended(label, number)`, and
   * `failed(error)`.
   */
  constructor(camera, told) {
    this.#camera = camera;
    this.#told = told;
  }

  /** The class that is recorded; null for none. */
  label = null;

  /** Connects a button: holding it with the mouse, a finger, Space or Enter records. */
  connect(node, label) {
    let holds = ''; // the button: a pointer, or a key
    const begin = (what) => {
      holds = what;
      this.press(label);
    };
    const end = (what) => {
      if (holds !== what) return;
      holds = '';
      this.release();
    };
    const isKey = ({key}) => key === ' ' || key === 'Enter';
    node.onpointerdown = (event) => {
      if (event.button !== 0) return;
      event.preventDefault();
      node.focus();
      node.setPointerCapture(event.pointerId);
      begin('pointer');
    };
    node.onpointerup = node.onpointercancel = node.onlostpointercapture = () => end('pointer');
    node.onkeydown = (event) => {
      if (!isKey(event)) return;
      event.preventDefault();
      if (!event.repeat) begin('key');
    };
    node.onkeyup = (event) => {
      if (!isKey(event)) return;
      event.preventDefault();
      end('key');
    };
    node.onblur = () => end('key'); // its release goes elsewhere
    node.oncontextmenu = (event) => event.preventDefault(); // a long touch
    node.onclick = (event) => { // of what cannot hold, such as a screen reader
      if (event.detail === 0) this.#switch(label);
    };
  }

  press(label) {
    if (!this.hands) this.#switch(label);
    else if (!this.#held) this.#hold(label);
  }

  release() {
    if (this.hands) this.stop();
  }

  stop() {
    this.#held = null;
    this.#wake();
  }

  #switch(label) {
    if (this.#held) this.stop();
    else this.#hold(label);
  }

  async #hold(label) {
    this.#held = {label};
    if (this.label !== null) return; // the one before is about to end, and goes on with this one
    while (this.#held) {
      const held = this.#held;
      await this.#take(held);
      if (this.#held === held) this.#held = null;
    }
  }

  async #take(held) {
    const {label} = held;
    this.label = label;
    let number = 0;
    try {
      await this.#told.began(label);
      for (let left = this.countdown; left > 0 && this.#held === held; left -= 1) {
        this.#told.counts(left);
        await this.#wait(SECOND);
      }
      this.#told.counts(0);
      number = await this.#record(held, label);
    } catch (error) {
      this.#told.failed(error);
    } finally {
      this.label = null;
      this.#told.ended(label, number);
    }
  }

  async #record(held, label) {
    const recording = series();
    let number = 0;
    let due = performance.now();
    while (this.#held === held && this.#camera.on) {
      const blob = await this.#camera.photo();
      if (blob) this.#told.taken(blob, number += 1, recording, label);
      due = Math.max(due + SECOND / this.rate, performance.now());
      await this.#wait(due - performance.now());
    }
    return number;
  }

  #wait(milliseconds) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
