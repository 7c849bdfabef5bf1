// The section of events: filters, time line, and the dialog of one event.

import {EventDialog} from './event_dialog.js';
import {Events, filtersOf} from './events.js';
import {onVisible} from './schedule.js';
import {Timeline} from './timeline.js';
import {asSentence, element} from './shared/words.js';

const at = (id) => document.getElementById(id);
const UNKNOWN = 'unknown';
const MOST = 500; // events in the list of a page that stays open for days

export class EventSection {
  constructor(say) {
    this.say = say;
    this.board = null;
    this.events = new Events();
    this.waiting = []; // new events that would move what is in view
    this.timeline = new Timeline(at('timeline'), (id) => this.dialog.show(this.find(id)));
    this.dialog = new EventDialog({
      neighbour: (id, step) => this.neighbour(id, step),
      labels: (event) => this.labels(event),
      corrected: (id, label) => this.timeline.correct(id, label),
      closed: (id) => this.timeline.focus(id),
    });
    at('filters').oninput = () => this.filter();
    at('filters').onreset = () => setTimeout(() => this.filter()); // the fields are emptied after this event
    at('filters').onsubmit = (event) => event.preventDefault();
    at('older').onclick = () => this.older();
    at('fresh').onclick = () => this.showFresh();
    onVisible(at('older'), (visible) => { if (visible && !at('older').hidden && this.paged) this.older(); });
  }

  /** Shows the events of a board that is described anew. */
  start(board) {
    this.board = board;
    at('events').hidden = false;
    at('filter-box').hidden = !board.events;
    if (!board.events) {
      const start = element('code', '--keep-events DIR');
      at('no-events').replaceChildren('No events are kept. Start with ', start, ' to see here what happened.');
      return;
    }
    const views = board.sources.flatMap((source) => source.views);
    fill('filter-label', [...views.flatMap((view) => view.labels), UNKNOWN]);
    fill('filter-source', board.sources.map((source) => source.name));
    fill('filter-region', views.map((view) => view.region).filter((region) => region !== null), 1);
    this.filter();
  }

  async filter() {
    const filters = filtersOf(at('filters'));
    const count = Object.keys(filters).length;
    at('least').textContent = `${at('filter-score').value}%`;
    at('filter-count').textContent = count ? ` (${count})` : '';
    await this.attempt(async () => {
      if (!await this.events.load(filters)) return;
      this.paged = false;
      this.waiting = [];
      this.timeline.replace(this.events.all);
      this.update();
    });
  }

  /** Looks for new events. */
  async look() {
    if (!this.board?.events) return;
    await this.attempt(async () => {
      const fresh = await this.events.newer();
      if (fresh === null || this.isLong()) {
        await this.events.load(this.events.filters);
        this.waiting = [];
        this.timeline.replace(this.events.all);
      } else {
        this.waiting = [...fresh, ...this.waiting];
        if (at('timeline').getBoundingClientRect().top >= 0) this.flush();
      }
      this.update();
    });
  }

  flush() {
    this.timeline.prepend(this.waiting);
    this.timeline.nameDays();
    this.waiting = [];
  }

  /** Whether the list has grown for so long that it should begin again, and nobody is in it. */
  isLong() {
    const used = at('timeline').contains(document.activeElement) || at('event-dialog').open;
    return this.events.all.length > MOST && !used && at('timeline').getBoundingClientRect().top >= 0;
  }

  showFresh() {
    this.flush();
    this.update();
    at('events').scrollIntoView();
    at('events').focus({preventScroll: true});
  }

  async older() {
    if (this.busy) return;
    this.busy = true;
    await this.attempt(async () => {
      this.timeline.append(await this.events.older());
      this.paged = true; // from now on, scrolling is enough
      this.update();
    });
    this.busy = false;
  }

  update() {
    const {length} = this.waiting;
    at('fresh').hidden = length === 0;
    at('fresh').textContent = length === 1 ? '1 new event' : `${length} new events`;
    at('older').hidden = this.events.next === null;
    const none = this.events.all.length === 0;
    const filtered = Object.keys(this.events.filters).length > 0;
    at('no-events').hidden = !none;
    if (none) at('no-events').textContent = filtered ? 'No event matches these filters.' : 'Nothing has happened yet. Events appear here by themselves.';
  }

  async attempt(work) {
    try {
      await work();
    } catch (problem) {
      if (problem.status === undefined) throw problem;
      if (problem.status && this.events.all.length === 0) {
        at('no-events').hidden = false;
        at('no-events').textContent = asSentence(problem.message);
      }
    }
  }

  find(id) {
    return this.events.all.find((event) => event.id === id);
  }

  async neighbour(id, step) {
    const place = this.events.all.findIndex((event) => event.id === id);
    const next = place + step;
    if (next >= this.events.all.length && this.events.next !== null) await this.older();
    return this.events.all[next] ?? null;
  }

  /** The labels that an event can get; null if the board keeps none. */
  labels(event) {
    if (!this.board.corrections) return null;
    const views = this.board.sources.flatMap((source) => source.views);
    const view = views.find((one) => one.id === event.view) ?? views.find((one) => one.model === event.model) ?? views[0];
    return view?.labels ?? event.predictions.map((prediction) => prediction.label);
  }
}

/** Offers names to choose from, if there are enough of them. */
function fill(id, names, enough = 2) {
  const select = at(id);
  const {value} = select;
  const options = [...new Set(names)].map((name) => Object.assign(element('option', name), {value: name}));
  select.replaceChildren(select.options[0], ...options);
  select.value = value;
  select.parentElement.hidden = options.length < enough;
  if (select.selectedIndex < 0) select.value = '';
}
