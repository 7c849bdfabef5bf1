// The mode that draws a region or a mask over the picture, with pointer, keyboard or numbers.

import {copyText} from './copying.js';

const STEP = 0.01; // shares of the frame that an arrow key moves
const SMALLEST = 0.02;
const NUMBERS = ['x', 'y', 'width', 'height'];

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const short = (value) => String(Number(value.toFixed(3)));

export class Drawing {
  /** `card` is the source's section; the source's name and the sizes of its models' inputs come with `source`. */
  constructor(card, source) {
    this.card = card;
    this.source = source;
    this.rectangle = {x: 0.3, y: 0.3, width: 0.4, height: 0.4};
    this.pixels = source.size ?? null;
    [this.form, this.layer, this.draft, this.button] = ['.drawing', '.draft-layer', '.draft', '.draw'].map(
      (selector) => card.querySelector(selector),
    );
    this.fields = Object.fromEntries(NUMBERS.map((name) => [name, this.form.elements[name]]));
    for (const [name, field] of Object.entries(this.fields)) field.oninput = () => this.typed(name);
    this.form.elements.name.oninput = () => this.show();
    for (const radio of this.form.querySelectorAll('[type=radio]')) {
      radio.name = `kind-${source.id}`;
      radio.onchange = () => this.show();
    }
    for (const button of this.form.querySelectorAll('.copy')) button.onclick = () => this.copy(button);
    this.form.onsubmit = (event) => event.preventDefault();
    this.button.onclick = () => (this.layer.hidden ? this.open() : this.close());
    this.layer.onpointerdown = (event) => this.grab(event);
    this.draft.onkeydown = (event) => this.key(event);
    this.show();
  }

  open() {
    this.layer.hidden = this.form.hidden = false;
    this.button.setAttribute('aria-expanded', 'true');
    this.button.textContent = 'Done';
    this.draft.focus({preventScroll: true});
  }

  close() {
    this.layer.hidden = this.form.hidden = true;
    this.button.setAttribute('aria-expanded', 'false');
    this.button.textContent = 'Draw a region';
  }

  /** Tells the size of the frames, in pixels. */
  size(width, height) {
    if (this.pixels?.[0] === width && this.pixels[1] === height) return;
    this.pixels = [width, height];
    this.show();
  }

  typed(name) {
    const value = this.fields[name].valueAsNumber;
    if (!Number.isFinite(value)) return;
    const sized = name === 'width' || name === 'height';
    this.set({...this.rectangle, [name]: clamp(value, sized ? SMALLEST : 0, 1)}, name);
  }

  key(event) {
    const [across, down] = {ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP]}[event.key] ?? [];
    if (event.key === 'Escape') {
      this.close();
      this.button.focus();
    }
    if (across === undefined) return;
    event.preventDefault();
    const {x, y, width, height} = this.rectangle;
    if (event.shiftKey) this.set({x, y, width: clamp(width + across, SMALLEST, 1 - x), height: clamp(height + down, SMALLEST, 1 - y)});
    else this.set({x: clamp(x + across, 0, 1 - width), y: clamp(y + down, 0, 1 - height), width, height});
  }

  /** Begins to draw a rectangle, to move it or to pull one of its corners. */
  grab(event) {
    if (event.button !== 0) return;
    event.preventDefault();
    const start = this.point(event);
    const before = this.rectangle;
    const corner = event.target.dataset.corner;
    this.draft.focus({preventScroll: true});
    this.layer.setPointerCapture(event.pointerId);
    this.layer.onpointermove = (move) => {
      const now = this.point(move);
      if (corner) this.set(between(opposite(before, corner), now));
      else if (event.target === this.draft) this.set(moved(before, now[0] - start[0], now[1] - start[1]));
      else this.set(between(start, now));
    };
    this.layer.onpointerup = this.layer.onpointercancel = () => { this.layer.onpointermove = null; };
  }

  /** Where a pointer is, in shares of the frame. */
  point({clientX, clientY}) {
    const frame = this.layer.getBoundingClientRect();
    return [clamp((clientX - frame.left) / frame.width, 0, 1), clamp((clientY - frame.top) / frame.height, 0, 1)];
  }

  set(rectangle, typed = null) {
    const width = clamp(rectangle.width, SMALLEST, 1);
    const height = clamp(rectangle.height, SMALLEST, 1);
    this.rectangle = {x: clamp(rectangle.x, 0, 1 - width), y: clamp(rectangle.y, 0, 1 - height), width, height};
    this.show(typed);
  }

  /** Shows the rectangle and its numbers, except in the field that is being typed in. */
  show(typed = null) {
    const {x, y, width, height} = this.rectangle;
    const percents = {left: x, top: y, width, height};
    for (const [edge, value] of Object.entries(percents)) this.draft.style[edge] = `${100 * value}%`;
    for (const [name, field] of Object.entries(this.fields)) {
      if (name !== typed) field.value = short(this.rectangle[name]);
    }
    const mask = this.form.querySelector('[value=mask]').checked;
    this.draft.classList.toggle('mask', mask);
    this.form.querySelector('.region-name').hidden = mask;
    const numbers = NUMBERS.map((name) => short(this.rectangle[name])).join(',');
    this.write(mask, numbers);
    const [wide, high] = this.pixels ?? [];
    const text = wide ? `${Math.round(width * wide)} × ${Math.round(height * high)} of ${wide} × ${high} pixels` : '';
    this.form.querySelector('.pixels').textContent = text;
  }

  write(mask, numbers) {
    const name = this.form.elements.name.value.trim() || 'region';
    const of = JSON.stringify(this.source.name);
    const lines = mask ? `mask = ["${numbers}"]` : `[[source.region]]\nname = ${JSON.stringify(name)}\nroi = "${numbers}"`;
    const heading = mask ? `board.toml, in the source ${of}` : `board.toml, below the source ${of}`;
    this.form.querySelector('.lines-h').textContent = heading;
    this.form.querySelector('.file-lines').textContent = lines;
    this.form.querySelector('.file-lines').setAttribute('aria-label', heading);
    this.form.querySelector('.option-line').textContent = `${mask ? '--mask' : '--roi'} ${numbers}`;
  }

  async copy(button) {
    const text = this.form.querySelector(button.dataset.of === 'file' ? '.file-lines' : '.option-line');
    const done = await copyText(text);
    button.textContent = done ? 'Copied' : 'Selected';
    this.form.querySelector('.copied').textContent = done ? 'Copied.' : 'Selected: copy it with the keyboard.';
    setTimeout(() => { button.textContent = 'Copy'; }, 2000);
  }
}

function moved({x, y, width, height}, across, down) {
  return {x: clamp(x + across, 0, 1 - width), y: clamp(y + down, 0, 1 - height), width, height};
}

function between([x1, y1], [x2, y2]) {
  return {x: Math.min(x1, x2), y: Math.min(y1, y2), width: Math.abs(x2 - x1), height: Math.abs(y2 - y1)};
}

/** The corner that stays where it is while another one is pulled. */
function opposite({x, y, width, height}, corner) {
  return [corner.includes('left') ? x + width : x, corner.includes('top') ? y + height : y];
}
