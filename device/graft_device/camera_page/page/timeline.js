// The time line: events with thumbnails, grouped by day. What is in view never moves when new events come.

import {clock, day, dayKey, lasted} from './dates.js';
import {picture} from './events.js';
import {element, percent} from './shared/words.js';

export class Timeline {
  /** `open(id)` is called with the event that the viewer chose. */
  constructor(node, open) {
    this.node = node;
    this.open = open;
    this.items = new Map();
    this.near = new IntersectionObserver((entries) => this.load(entries), {rootMargin: '300px'});
  }

  /** Shows other events. */
  replace(events) {
    this.near.disconnect();
    for (const {image} of this.items.values()) if (image) URL.revokeObjectURL(image.src);
    this.items.clear();
    this.node.replaceChildren();
    this.append(events);
  }

  append(events) {
    for (const event of events) {
      let group = this.node.lastElementChild;
      if (group?.dataset.day !== dayKey(event.time)) this.node.append(group = section(event.time));
      group.lastChild.append(this.item(event));
    }
  }

  prepend(events) {
    for (const event of [...events].reverse()) {
      let group = this.node.firstElementChild;
      if (group?.dataset.day !== dayKey(event.time)) this.node.prepend(group = section(event.time));
      group.lastChild.prepend(this.item(event));
    }
  }

  /** Names the days anew: after midnight, today is another one. */
  nameDays() {
    for (const group of this.node.children) group.firstChild.textContent = day(Number(group.dataset.day));
  }

  /** Marks an event that got another label. */
  correct(id, label) {
    const item = this.items.get(id);
    item.event.corrected = label;
    item.text.replaceChildren(...words(item.event));
  }

  focus(id) {
    this.items.get(id)?.button.focus();
  }

  item(event) {
    const node = element('li');
    const button = element('button', undefined, 'event');
    button.type = 'button';
    button.dataset.id = event.id;
    button.onclick = () => this.open(event.id);
    const thumb = element('span', undefined, 'thumb');
    const text = element('span', undefined, 'event-text');
    text.append(...words(event));
    button.append(thumb, text);
    node.append(button);
    this.items.set(event.id, {event, button, thumb, text, image: null});
    if (event.picture) this.near.observe(button);
    else thumb.classList.add('none');
    return node;
  }

  async load(entries) {
    for (const {target, isIntersecting} of entries) {
      const item = this.items.get(target.dataset.id);
      if (!isIntersecting || !item || item.image) continue;
      this.near.unobserve(target);
      item.image = new Image();
      item.image.alt = '';
      picture(item.event, 'thumbnail').then((address) => {
        item.image.src = address;
        item.thumb.append(item.image);
      }, () => item.thumb.classList.add('none')); // removed meanwhile, to make room
    }
  }
}

function section(time) {
  const node = element('div', undefined, 'day');
  node.dataset.day = dayKey(time);
  const list = element('ol');
  list.setAttribute('role', 'list');
  node.append(element('h3', day(time)), list);
  return node;
}

/** What happened, for the list. */
function words(event) {
  const first = element('span', undefined, 'event-first');
  first.append(label(event), element('span', percent(event.score), 'event-score'));
  const place = element('span', undefined, 'event-place');
  place.append(element('bdi', event.region ?? event.source), event.region ? ' · ' : '');
  if (event.region) place.append(element('bdi', event.source));
  const last = element('span', undefined, 'event-last');
  const time = element('time', clock(event.time));
  time.dateTime = event.time;
  last.append(time, ...kind(event));
  return [first, place, last, ...remarks(event)];
}

function label(event) {
  const shown = element('bdi', event.corrected ?? event.label);
  if (event.unknown && !event.corrected) shown.className = 'unknown';
  return shown;
}

/** The kind of an event as a mark; a plain answer has none. */
export function kind(event) {
  const names = {enter: 'enter', leave: 'leave', change: 'change'};
  if (!names[event.kind]) return [];
  const duration = event.duration === undefined ? '' : ` · ${lasted(event.duration, 1)}`;
  return [element('span', `${names[event.kind]}${duration}`, `pill ${event.kind}`)];
}

function remarks(event) {
  const all = [];
  if (event.corrected) {
    const remark = element('span', 'corrected, was ', 'event-remark');
    remark.append(element('bdi', event.label));
    all.push(remark);
  }
  if (event.clock_set === false) all.push(element('span', 'the board’s clock was not set', 'event-remark'));
  return all;
}
