// The events that the board keeps, newest first: loaded in pages, and looked for again while the page is in view.

import {utc} from './dates.js';
import {request} from './shared/server.js';

const PAGE = 48;

/** The events of the filters `fields`, read from the form; empty ones are left out. */
export function filtersOf(form) {
  const fields = Object.fromEntries(new FormData(form));
  const score = Number(fields.min_score) / 100;
  const given = {...fields, since: utc(fields.since), until: utc(fields.until), min_score: score || ''};
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== ''));
}

export class Events {
  constructor() {
    this.filters = {};
    this.all = [];
    this.loading = 0; // how many lists of other filters are on their way
    this.next = null; // where older ones begin; null if there are none
  }

  /** Loads the newest events of other filters. */
  async load(filters) {
    this.filters = filters;
    this.loading += 1;
    const {events, next} = await this.page({}).finally(() => { this.loading -= 1; });
    if (filters !== this.filters) return false; // meanwhile, others were chosen
    [this.all, this.next] = [events, next];
    return true;
  }

  /** Events since the last look; null if there are so many that the list has to begin again. */
  async newer() {
    if (this.loading) return [];
    const {filters} = this;
    const {events} = await this.page({});
    if (filters !== this.filters || this.loading) return [];
    const known = new Set(this.all.slice(0, PAGE).map((event) => event.id));
    const first = events.findIndex((event) => known.has(event.id));
    if (first < 0 && this.all.length) return events.length ? null : [];
    const fresh = first < 0 ? events : events.slice(0, first);
    this.all = [...fresh, ...this.all];
    return fresh;
  }

  /** The next older events. */
  async older() {
    const {filters} = this;
    if (this.next === null) return [];
    const {events, next} = await this.page({before: this.next});
    if (filters !== this.filters) return [];
    const known = new Set(this.all.map((event) => event.id));
    const added = events.filter((event) => !known.has(event.id));
    this.all = [...this.all, ...added];
    this.next = next;
    return added;
  }

  async page(more) {
    const query = new URLSearchParams({limit: PAGE, ...this.filters, ...more});
    return (await request(`v1/events?${query}`, {})).content;
  }
}

/** A picture of an event as the address of a blob: images themselves cannot send a token. `size`: picture or thumbnail. */
export async function picture(event, size, signal) {
  const {content} = await request(`v1/events/${encodeURIComponent(event.id)}/${size}`, {signal}, (response) => response.blob());
  return URL.createObjectURL(content);
}
