// The places that pictures are put into: the classes with their keys, unknown, the bin, and another class.

import {element} from './shared/words.js';
import {singleKeys} from './single_keys.js';

const KEYS = 9;

/** The place that a key stands for; null if it stands for none. */
export function placeOf(key, classes) {
  if (/^[1-9]$/.test(key)) return classes[key - 1] ? {kind: 'class', label: classes[key - 1].label} : null;
  return {u: {kind: 'unknown'}, Delete: {kind: 'bin'}, Backspace: {kind: 'bin'}}[key.length === 1 ? key.toLowerCase() : key] ?? null;
}

export class Places {
  #root;
  #put;
  #choose;
  #shown = '';

  /** `put(to)` puts the selected pictures there, `choose()` asks for a class by name. */
  constructor(root, put, choose) {
    this.#root = root;
    this.#put = put;
    this.#choose = choose;
  }

  update({classes, unknown, binned}) {
    const wanted = JSON.stringify([classes, unknown, binned, singleKeys()]);
    if (wanted === this.#shown) return;
    this.#shown = wanted;
    const focused = document.activeElement?.dataset?.place;
    const shown = classes.slice(0, Math.max(KEYS, classes.length <= 14 ? classes.length : KEYS));
    const keyOf = (index) => (singleKeys() && index < KEYS ? String(index + 1) : '');
    const nodes = shown.map(({label, photos}, index) => this.#place(keyOf(index), label, photos, {kind: 'class', label}));
    nodes.push(
      this.#place(singleKeys() ? 'U' : '', 'unknown', unknown, {kind: 'unknown'}, 'apart'),
      this.#place('Del', 'bin', binned, {kind: 'bin'}, 'apart'),
      this.#another(),
    );
    this.#root.replaceChildren(...nodes);
    if (focused) nodes.find((node) => node.dataset.place === focused)?.focus();
  }

  #place(key, name, count, to, kind = '') {
    const node = element('button', undefined, `place ${kind}`.trim());
    node.type = 'button';
    node.dataset.place = `${to.kind} ${to.label ?? ''}`;
    node.ariaLabel = `${name}, ${count === 1 ? '1 picture' : `${count} pictures`}${key ? `, key ${key === 'Del' ? 'Delete' : key}` : ''}`;
    if (key) {
      node.ariaKeyShortcuts = key === 'Del' ? 'Delete' : key;
      node.append(element('kbd', key));
    }
    node.append(element('bdi', name), element('span', count.toLocaleString('en'), 'count'));
    node.onclick = () => this.#put(to);
    this.#takesDrops(node, to);
    return node;
  }

  #another() {
    const node = element('button', undefined, 'place apart');
    node.type = 'button';
    node.dataset.place = 'another';
    if (singleKeys()) {
      node.ariaKeyShortcuts = 'C';
      node.append(element('kbd', 'C'));
    }
    node.append('another class…');
    node.onclick = () => this.#choose();
    this.#takesDrops(node, null);
    return node;
  }

  #takesDrops(node, to) {
    node.ondragover = (event) => {
      event.preventDefault();
      event.dataTransfer.dropEffect = 'move';
      node.classList.add('over');
    };
    node.ondragleave = () => node.classList.remove('over');
    node.ondrop = (event) => {
      event.preventDefault();
      node.classList.remove('over');
      if (to) this.#put(to);
      else this.#choose();
    };
  }
}
