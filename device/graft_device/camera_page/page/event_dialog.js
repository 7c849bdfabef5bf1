// One event with its picture, its scores, and buttons that put it right.

import {fillBars, reason} from './shared/answer.js';
import {element, fact} from './shared/words.js';
import {correction, correctionHint} from './correction.js';
import {lasted, moment} from './dates.js';
import {picture} from './events.js';

const at = (id) => document.getElementById(id);

export class EventDialog {
  /**
   * `neighbour(id, step)` resolves to the next newer (-1) or older (1) event, or null; `labels(event)` are those of its
   * model, or null if nothing can be corrected; `corrected(id, label)` is called when a picture got its label.
   */
  constructor({neighbour, labels, corrected, closed}) {
    Object.assign(this, {neighbour, labels, corrected});
    this.event = null;
    this.dialog = at('event-dialog');
    at('event-close').onclick = () => this.dialog.close();
    at('event-newer').onclick = () => this.go(-1);
    at('event-older').onclick = () => this.go(1);
    this.dialog.onclick = (event) => { if (event.target === this.dialog) this.dialog.close(); };
    this.dialog.onkeydown = (event) => this.key(event);
    this.dialog.onclose = () => {
      this.loading?.abort();
      closed(this.event.id);
    };
  }

  show(event) {
    this.event = event;
    this.facts(event);
    this.correctable(event);
    this.load(event);
    this.buttons(event);
    if (!this.dialog.open) this.dialog.showModal();
  }

  key(event) {
    const step = {ArrowLeft: -1, ArrowRight: 1}[event.key];
    if (!step || event.target.matches('input, select, textarea')) return;
    event.preventDefault();
    this.go(step);
  }

  async go(step) {
    const from = this.event;
    const next = await this.neighbour(from.id, step);
    if (next && this.dialog.open && this.event === from) this.show(next);
  }

  async buttons(event) {
    at('event-newer').disabled = at('event-older').disabled = false;
    const [newer, older] = [await this.neighbour(event.id, -1), await this.neighbour(event.id, 1)];
    if (this.event !== event) return;
    for (const [id, other] of [['event-newer', newer], ['event-older', older]]) {
      const lost = document.activeElement === at(id) && !other;
      at(id).disabled = !other;
      if (lost) at('event-close').focus(); // a button that is disabled loses the keyboard
    }
  }

  facts(event) {
    at('event-place').textContent = event.region ?? event.source;
    at('event-time').textContent = moment(event.time);
    fillBars(at('event-bars'), event);
    at('event-remark').hidden = !event.unknown;
    at('event-remark').textContent = `${reason(event, 0)}.`;
    const rows = {
      Source: event.source,
      Region: event.region,
      Model: event.model,
      Kind: event.kind,
      Lasted: event.duration === undefined ? null : lasted(event.duration),
      Clock: event.clock_set === false ? 'not set when this happened' : null,
      Number: String(event.seq),
      Id: event.id,
    };
    at('event-facts').replaceChildren(...Object.entries(rows).filter(([, value]) => value).map(([term, value]) => fact(term, value)));
  }

  correctable(event) {
    const labels = this.labels(event);
    const first = event.predictions.map((prediction) => prediction.label);
    const path = `v1/events/${encodeURIComponent(event.id)}/label`;
    if (labels && event.picture) {
      at('event-correct').replaceChildren(correction(labels, first, path, 'This was', (label) => this.corrected(event.id, label)));
    } else {
      at('event-correct').replaceChildren(labels ? '' : this.hint());
    }
  }

  hint() {
    const hint = element('p', undefined, 'quiet');
    hint.append(...correctionHint());
    return hint;
  }

  async load(event) {
    this.loading?.abort();
    const {signal} = this.loading = new AbortController();
    const note = at('event-no-picture');
    this.clear();
    note.hidden = false;
    note.textContent = event.picture ? 'Loading…' : 'No picture was kept of this event.';
    if (!event.picture) return;
    try {
      const address = await picture(event, 'picture', signal);
      if (signal.aborted) return;
      const image = new Image();
      image.alt = `What the model saw: ${event.label}`;
      image.src = address;
      at('event-picture').append(image);
      note.hidden = true;
    } catch (problem) {
      if (problem.name !== 'AbortError') note.textContent = 'The picture was removed, to make room for newer ones.';
    }
  }

  clear() {
    const image = at('event-picture').querySelector('img');
    if (image) URL.revokeObjectURL(image.src);
    image?.remove();
  }
}
