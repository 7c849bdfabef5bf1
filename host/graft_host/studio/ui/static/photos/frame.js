// What is around the classes: buttons, the hint, a start for an empty folder, and what is selected.

import {chosen} from './drops.js';
import {button, element, speaker} from './words.js';

const SAID_MS = 8000;

/** What was changed, such as *3 photos to cat*. */
export function describe(t, {photos, kind, label}) {
  if (!photos) return t('change_group', {label});
  return t(`change_${kind}`, {count: photos, label});
}

export class Frame {
  #t;
  #add;
  #silence = 0;
  #undo;
  #redo;
  #next = element('div', undefined, 'photos-next');
  #hint = speaker('photos-hint');
  #train = element('a', undefined, 'photos-button main photos-train');
  #start = element('section', undefined, 'photos-start studio-card');
  #columns = element('div', undefined, 'photos-columns');
  #selected = element('div', undefined, 'photos-selected');
  #selectedCount = speaker();
  #problem = element('p', '', 'photos-problem');
  #refused = element('p', '', 'photos-problem');
  #said = speaker('photos-said');

  /** `desk` has what the buttons do; `uploads` is the place of what is sent. */
  constructor(root, t, desk, uploads) {
    this.#t = t;
    this.#problem.role = 'alert';
    this.#next.hidden = this.#start.hidden = true;
    this.#train.href = '/train';
    this.#train.textContent = t('train');
    this.#undo = button('undo', t('undo'), () => desk.step('undo'));
    this.#redo = button('redo', t('redo'), () => desk.step('redo'));
    this.#add = button('add', t('add_class'), () => desk.addClass(), {kind: 'main'});
    const bar = element('div', undefined, 'photos-bar');
    bar.append(
      this.#add,
      ...this.#folder(desk),
      this.#undo,
      this.#redo,
      button('keyboard', t('keys'), () => desk.showKeys(), {kind: 'photos-help'}),
    );
    this.#next.append(this.#hint, this.#train);
    this.#fillStart(desk);
    this.#selected.hidden = true;
    this.#selected.append(
      this.#selectedCount,
      button('drive_file_move', t('move_to'), () => desk.moveTo()),
      button('zoom_in', t('enlarge'), () => desk.enlargeSelected()),
      button('delete', t('delete'), () => desk.bin(desk.selected())),
      button('', t('deselect'), () => desk.selection.clear()),
    );
    const dock = element('div', undefined, 'photos-dock');
    dock.append(this.#said, uploads, this.#selected);
    root.append(bar, this.#next, this.#problem, this.#refused, this.#start, this.#columns, dock);
  }

  #folder(desk) {
    const input = element('input');
    input.type = 'file';
    input.webkitdirectory = true;
    input.hidden = true;
    input.onchange = () => {
      desk.addByFolder(chosen(input));
      input.value = '';
    };
    return [button('drive_folder_upload', this.#t('add_folder'), () => input.click()), input];
  }

  #fillStart(desk) {
    const list = element('ol');
    for (const step of ['start_classes', 'start_photos', 'start_train']) list.append(element('li', this.#t(step)));
    this.#start.append(element('h2', this.#t('start')), list, button('add', this.#t('start_button'), () => desk.addClass(), {kind: 'main'}));
  }

  /** Puts the cards of the classes into this order, and touches only those that are elsewhere. */
  arrange(cards) {
    cards.forEach((card, place) => {
      const there = this.#columns.children[place];
      if (there !== card) this.#columns.insertBefore(card, there ?? null);
    });
  }

  show({classes, unknown, undo, redo, hint, refused}) {
    this.#start.hidden = classes.length > 0 || Boolean(unknown);
    const text = this.#t(hint.key, hint.values);
    if (this.#hint.textContent !== text) this.#hint.textContent = text; // it is read out whenever it is written
    this.#next.hidden = !this.#start.hidden;
    this.#train.hidden = !hint.trainable;
    this.#refused.textContent = refused.length ? this.#t('not_shown', {count: refused.length, first: refused[0]}) : '';
    this.#step(this.#undo, 'undo', undo);
    this.#step(this.#redo, 'redo', redo);
  }

  #step(node, which, change) {
    node.disabled = !change;
    const text = change ? this.#t(`${which}_what`, {what: describe(this.#t, change)}) : this.#t(which);
    node.querySelector('span').textContent = text;
    node.title = text;
  }

  selected(count) {
    this.#selected.hidden = !count;
    this.#selectedCount.textContent = count ? this.#t('selected', {count}) : '';
  }

  /** Puts the focus where a class can be added. */
  focus() {
    this.#add.focus();
  }

  /** Shows what was done, for a while. */
  say(text) {
    this.#said.textContent = text;
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => { this.#said.textContent = ''; }, SAID_MS);
  }

  problem(text) {
    if (this.#problem.textContent !== text) this.#problem.textContent = text;
  }
}
