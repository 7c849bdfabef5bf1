// A class as a column: its name, its count, buttons to add photos, and the photos.

import {chosen} from './drops.js';
import {Grid} from './grid.js';
import {button, element} from './words.js';

let made = 0; // cards, for the ids of their headings

export class ClassCard {
  #t;
  #actions;
  #name = element('bdi');
  #count = element('span', '', 'photos-count');
  #key = element('kbd', '', 'photos-key');
  #bar = element('i');
  #record;

  /**
   * `actions` has `add(label, files)`, `rename(label)`, `remove(label)`, and `connect(button, label)`, which makes a
   * button record. `apart` is for the photos that are none of the classes.
   */
  constructor(t, label, selection, actions, apart) {
    this.#t = t;
    this.#actions = actions;
    this.label = label;
    this.grid = new Grid(selection, t);
    this.grid.root.ariaLabel = t('photos_of', {label});
    this.cameraPlace = element('div');
    this.root = element('section', undefined, `photos-class studio-card${apart ? ' apart' : ''}`);
    this.root.dataset.label = label;
    this.#build(apart);
  }

  #build(apart) {
    const {label} = this;
    const heading = element('h2');
    heading.id = `photos-class-${made += 1}`;
    heading.append(this.#name);
    this.#name.textContent = label;
    heading.title = label; // it may be cut off
    this.root.setAttribute('aria-labelledby', heading.id);
    this.#key.ariaHidden = 'true';
    const head = element('div', undefined, 'photos-head');
    head.append(heading, this.#count, this.#key);
    if (!apart) {
      head.append(
        button('edit', '', () => this.#actions.rename(label), {named: this.#t('rename_class', {label}), kind: 'sign'}),
        button('delete', '', () => this.#actions.remove(label), {named: this.#t('remove_class', {label}), kind: 'sign'}),
      );
    }
    const balance = element('div', undefined, 'photos-balance');
    balance.append(this.#bar);
    this.#record = button('photo_camera', this.#t('hold'), null, {kind: 'main photos-record'});
    this.#record.ariaLabel = this.#t('hold_for', {label});
    this.#actions.connect(this.#record, label);
    const row = element('div', undefined, 'photos-actions');
    row.append(this.#record, ...this.#chooser());
    this.root.append(head, balance);
    if (apart) this.root.append(element('p', this.#t('unknown_is'), 'photos-note quiet'));
    this.root.append(row, this.cameraPlace, this.grid.root);
  }

  #chooser() {
    const input = element('input');
    input.type = 'file';
    input.multiple = true;
    input.accept = 'image/*,.zip,.tar,.tgz,.gz';
    input.hidden = true;
    input.onchange = () => {
      this.#actions.add(this.label, chosen(input));
      input.value = '';
    };
    const choose = button('add_photo_alternate', this.#t('add_photos'), () => input.click());
    choose.ariaLabel = this.#t('add_photos_to', {label: this.label});
    return [choose, input];
  }

  /** Shows the photos; `largest` is the count of the largest class, `key` what moves photos here. */
  update({ids, versions}, largest, key) {
    this.grid.update(ids, versions);
    this.#count.textContent = this.#t('count', {count: ids.length});
    this.#bar.style.width = `${(100 * ids.length) / Math.max(largest, 1)}%`;
    this.#key.textContent = key;
  }

  recording(on) {
    this.#record.classList.toggle('on', on);
  }

  focusRecord() {
    this.#record.focus();
  }

  close() {
    this.grid.close();
    this.root.remove();
  }
}
