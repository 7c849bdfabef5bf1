// Shows a picture large, with what is known of it; a picture that is there already beside its twin.

import {picture as load} from './api.js';
import {fillBars} from './shared/answer.js';
import {element, fact, percent} from './shared/words.js';
import {twinName} from './tile.js';

const at = (id) => document.getElementById(id);

export class Viewer {
  #step;
  #addresses = [];
  #shown = null;

  /** `step(by)` moves the frame to the picture before or behind. */
  constructor(step) {
    this.#step = step;
    at('viewer-before').onclick = () => this.#step(-1);
    at('viewer-next').onclick = () => this.#step(1);
    at('viewer-close').onclick = () => this.close();
    at('viewer').onclose = () => {
      this.#shown = null;
      this.#free();
    };
  }

  get open() {
    return at('viewer').open;
  }

  close() {
    at('viewer').close();
  }

  show(picture) {
    if (this.#shown === picture.id) return;
    this.#shown = picture.id;
    this.#free();
    at('viewer-name').textContent = picture.name.split('/').pop();
    const pictures = [this.#figure(picture, '', picture.twin ? picture.name : '')];
    if (picture.twin) pictures.push(this.#figure(picture, '/twin', `there already: ${twinName(picture)}`));
    at('viewer-pictures').replaceChildren(...pictures);
    at('viewer-answer').hidden = !picture.predictions.length;
    if (picture.predictions.length) {
      fillBars(at('viewer-bars'), {predictions: picture.predictions.slice(0, 5), unknown: picture.answer === 'unknown'});
    }
    const facts = {
      'A person said': picture.said,
      'It is like': picture.suggested && `${picture.suggested}${picture.score === null ? '' : `, ${percent(picture.score)}`}`,
      'The model said': picture.predictions.length ? null : picture.answer,
      'From the board': picture.board || null,
      File: picture.name,
    };
    at('viewer-facts').replaceChildren(...Object.entries(facts).filter(([, value]) => value).map(([term, value]) => fact(term, value)));
    if (!this.open) at('viewer').showModal();
  }

  #figure(picture, part, caption) {
    const figure = element('figure');
    this.#fill(figure, picture, part);
    if (caption) figure.append(element('figcaption', caption));
    return figure;
  }

  async #fill(figure, picture, part) {
    try {
      const address = await load(picture.id, part);
      if (this.#shown !== picture.id) {
        URL.revokeObjectURL(address);
        return;
      }
      this.#addresses.push(address);
      const image = new Image();
      image.alt = part ? `The photo that is there already, ${twinName(picture)}` : picture.name.split('/').pop();
      image.src = address;
      figure.prepend(image);
    } catch (problem) {
      figure.prepend(element('p', problem.message, 'problem'));
    }
  }

  #free() {
    for (const address of this.#addresses) URL.revokeObjectURL(address);
    this.#addresses = [];
  }
}
