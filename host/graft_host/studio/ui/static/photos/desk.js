// Connects the page: shows the album, and does what a person asks for.

import {Problem} from '/static/requests.js';
import {CameraPanel} from './camera_panel.js';
import {ClassCard} from './class_card.js';
import {askClass, askName, showKeys} from './dialogs.js';
import {byFolder, isArchive, visible} from './drops.js';
import {Frame, describe} from './frame.js';
import * as keys from './keys.js';
import * as pointer from './pointer.js';
import {Selection} from './selection.js';
import {album, change} from './server.js';
import {Uploads} from './uploads.js';
import {enlarge} from './viewer.js';
import {makeTexts, series} from './words.js';

const PAUSE = 3; // times as long as the last look took are waited before the next one
const KEYS = 9; // classes with a key
const UNKNOWN = 'unknown';

export class Desk {
  #cards = new Map(); // label to card, in the order in which they are shown
  #state = null;
  #free = Promise.resolve(); // when the next look may begin
  #next = null; // the look that waits for it
  #uploads;
  #panel;
  #frame;

  constructor(root, texts, language) {
    this.t = makeTexts(texts, language);
    this.selection = new Selection(() => this.#marked());
    this.#uploads = new Uploads(this.t);
    this.#panel = new CameraPanel(this.t, (label) => this.#cards.get(label), (content, number, recording, label) => {
      this.#uploads.add([{content, label, recording, name: `${recording}-${String(number).padStart(4, '0')}.jpg`}], true);
    });
    this.#frame = new Frame(root, this.t, this, this.#uploads.root);
    keys.listenOnPage(this);
    pointer.listenOnPage(root, this);
    this.look().then(() => this.#enlargeNamed());
  }

  /** Asks for the album, and shows it if it has changed; what changes meanwhile is shown by the next look. */
  look() {
    this.#next ??= this.#free.then(() => {
      this.#next = null;
      const start = performance.now();
      const shown = this.#look();
      this.#free = shown.catch(() => {}).then(() => new Promise((resolve) => { setTimeout(resolve, PAUSE * (performance.now() - start)); }));
      return shown;
    });
    return this.#next;
  }

  async #look() {
    try {
      const newest = await album();
      if (newest) this.#show(newest);
      this.#frame.problem('');
    } catch (error) {
      this.#frame.problem(this.#reason(error));
    }
  }

  #show(state) {
    this.#state = state;
    const shown = state.classes.length || state.unknown ? [...state.classes, state.unknown ?? {label: UNKNOWN, ids: [], versions: []}] : [];
    const largest = Math.max(0, ...shown.map(({ids}) => ids.length));
    let lost = false; // whether the class with the focus is gone
    const labels = new Set(shown.map(({label}) => label));
    for (const [label, card] of this.#cards) {
      if (labels.has(label)) continue;
      lost ||= card.root.contains(document.activeElement);
      if (card.root.contains(this.#panel.root)) this.#panel.close();
      card.close();
      this.#cards.delete(label);
    }
    const cards = shown.map((one) => this.#cards.get(one.label) ?? this.#make(one.label));
    this.#cards = new Map(cards.map((card) => [card.label, card]));
    this.#frame.arrange(cards.map((card) => card.root));
    cards.forEach((card, place) => {
      const key = card.label === UNKNOWN ? 'U' : place < KEYS ? String(place + 1) : '';
      card.update(shown[place], largest, key);
    });
    this.selection.settle(this.#lists());
    this.#frame.show(state);
    if (lost) this.#frame.focus();
  }

  #make(label) {
    const card = new ClassCard(this.t, label, this.selection, {
      add: (to, files) => this.add(to, files),
      connect: (node, to) => this.#panel.recorder.connect(node, to),
      remove: (one) => this.#do('remove', {label: one}),
      rename: (one) => this.#rename(one),
    }, label === UNKNOWN);
    keys.listenInClass(card, this);
    pointer.listenInClass(card, this);
    return card;
  }

  #lists() {
    return [...this.#cards.values()].map(({grid}) => grid.ids);
  }

  #marked() {
    for (const {grid} of this.#cards.values()) grid.mark();
    this.#frame.selected(this.selection.size);
  }

  /** The selected ids in the order in which they are shown. */
  selected() {
    return this.selection.ids(this.#lists());
  }

  /** What a key acts on: the selected photos, else the one with the frame. */
  subject(grid) {
    return this.selection.size ? this.selected() : [grid.currentId].filter(Boolean);
  }

  /** Labels of classes that photos can be moved to. */
  labels() {
    return [...(this.#state?.classes ?? []).map(({label}) => label), UNKNOWN];
  }

  async #do(what, content, say = () => '') {
    try {
      const done = await change(what, content);
      await this.look();
      this.#frame.say(say(done));
      return done;
    } catch (error) {
      this.#frame.problem(this.#reason(error));
      return null;
    }
  }

  #reason(error) {
    if (!(error instanceof Problem)) throw error;
    if (!error.status) return this.t('no_answer');
    return error.remedy ? `${error.message}: ${error.remedy}` : error.message;
  }

  /** Asks for a name, and adds a class. */
  async addClass() {
    let added = null;
    await askName(this.t, {heading: this.t('add_class'), action: this.t('add')}, async (name) => {
      try {
        added = await change('classes', {label: name});
        return '';
      } catch (error) {
        return this.#reason(error);
      }
    });
    if (added === null) return;
    const before = document.activeElement;
    await this.look();
    if (document.activeElement === before) this.#cards.get(added)?.focusRecord(); // unless a person went on meanwhile
  }

  async #rename(label) {
    let renamed = label;
    await askName(this.t, {heading: this.t('rename_class', {label}), action: this.t('rename'), value: label}, async (name) => {
      if (name === label) return '';
      try {
        renamed = await change('rename', {label, new: name});
      } catch (error) {
        return this.#reason(error);
      }
      await this.look();
      return '';
    });
    if (renamed !== label) this.#cards.get(renamed)?.focusRecord();
  }

  async move(ids, label) {
    if (!ids.length) return;
    if (await this.#do('moves', {pictures: ids, label}, (count) => this.t('moved', {count, label})) !== null) this.selection.clear();
  }

  moveToNumber(number, grid) {
    const label = this.#state.classes[number - 1]?.label;
    if (label !== undefined) this.move(this.subject(grid), label);
  }

  /** Asks for a class, and moves the selected photos there, or the one with the frame of a grid. */
  async moveTo(grid = null) {
    const ids = grid ? this.subject(grid) : this.selected();
    if (!ids.length) return;
    const label = await askClass(this.t, this.t('move_heading', {count: ids.length}), this.labels());
    if (label === null) return;
    if (!this.labels().includes(label) && await this.#do('classes', {label}) === null) return;
    await this.move(ids, label);
  }

  async bin(ids) {
    if (ids.length && await this.#do('bin', {pictures: ids}, (count) => this.t('binned', {count})) !== null) this.selection.clear();
  }

  /** Takes the last change back, or does it again. */
  async step(which) {
    const next = this.#state?.[which];
    if (!next) this.#frame.say(this.t(`${which}_nothing`));
    else await this.#do(which, {}, (what) => (what ? this.t(`${which}_done`, {what: describe(this.t, next)}) : this.t(`${which}_nothing`)));
  }

  enlarge(grid, label) {
    enlarge(this.t, grid, label, (id) => this.bin([id]));
  }

  /** Enlarges the first photo that is selected. */
  enlargeSelected() {
    this.#enlargeOne(this.selected()[0]);
  }

  /** Enlarges the photo that the address names, as links of other pages do. */
  #enlargeNamed() {
    const here = new URL(location.href);
    const id = here.searchParams.get('photo');
    if (id === null) return;
    here.searchParams.delete('photo');
    history.replaceState(history.state, '', here);
    this.#enlargeOne(id);
  }

  #enlargeOne(id) {
    const card = [...this.#cards.values()].find(({grid}) => grid.placeOf(id) !== undefined);
    if (!card) return;
    card.grid.go(card.grid.placeOf(id));
    this.enlarge(card.grid, card.label);
  }

  showKeys() {
    showKeys(this.t);
  }

  press(label) {
    this.#panel.recorder.press(label);
  }

  release() {
    this.#panel.recorder.release();
  }

  /** Adds files, each as [path, file], to a class. */
  add(label, files) {
    this.#send(new Map([[label, visible(files).map(([, file]) => file)]]));
  }

  /** Adds files to the classes that their folders name; asks for the class of those without a folder. */
  async addByFolder(files) {
    const [classes, rest] = byFolder(visible(files));
    const archives = rest.filter(isArchive);
    if (archives.length) classes.set('', archives); // their folders are the classes
    const loose = rest.filter((file) => !isArchive(file));
    if (loose.length) {
      const label = await askClass(this.t, this.t('which_class', {count: loose.length}), this.labels());
      if (label !== null) classes.set(label, [...(classes.get(label) ?? []), ...loose]);
    }
    this.#send(classes);
  }

  #send(classes) {
    const recording = series();
    this.#uploads.add([...classes].flatMap(([label, files]) => files.map((content) => ({content, label, recording, name: content.name}))));
  }
}
