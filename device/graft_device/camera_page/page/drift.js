// How the board's scores compare with those on the test photos, model by model.

import {asSentence, element, percent} from './shared/words.js';

const TICKS = [0, 0.75, 0.9, 0.99, 1]; // edges with room for their names

/** Shows the drift of all models in `node`. */
export function showDrift(node, models) {
  node.replaceChildren(...models.map((model) => one(model, models.length > 1)));
}

function one(model, named) {
  const node = element('div', undefined, 'drift');
  if (named) {
    const heading = element('h3');
    heading.append(element('bdi', model.model));
    node.append(heading);
  }
  node.append(element('p', asSentence(model.verdict), model.retrain ? 'verdict retrain' : 'verdict'));
  const {reference, recent} = model;
  if (reference?.photos || recent?.photos) node.append(chart(model), legend(reference, recent), figures(model));
  return node;
}

const shares = (histogram) => {
  const sum = histogram ? histogram.counts.reduce((total, count) => total + count, 0) : 0;
  return histogram && sum ? histogram.counts.map((count) => count / sum) : null;
};

/** Pairs of bars: the share of photos with a best score in each bin. */
function chart({edges, reference, recent}) {
  const node = element('div', undefined, 'chart');
  const [then, now] = [shares(reference), shares(recent)];
  const top = Math.max(...(then ?? [0]), ...(now ?? [0])) || 1;
  node.setAttribute('aria-hidden', 'true'); // the table below has the figures
  const bars = element('div', undefined, 'chart-bars');
  for (let bin = 0; bin < edges.length - 1; bin += 1) {
    const pair = element('span');
    pair.append(bar('then', then?.[bin], top), bar('now', now?.[bin], top));
    bars.append(pair);
  }
  node.append(bars, axis(edges));
  return node;
}

function bar(name, share, top) {
  const node = element('i', undefined, name);
  node.style.height = `${100 * (share ?? 0) / top}%`;
  return node;
}

/** Bins are narrow near 1, where scores crowd, and bars are all as wide: so the axis names its edges. */
function axis(edges) {
  const node = element('div', undefined, 'chart-axis');
  edges.forEach((edge, index) => {
    if (!TICKS.includes(edge)) return;
    const tick = element('span', exact(edge));
    tick.style.left = `${(100 * index) / (edges.length - 1)}%`;
    node.append(tick);
  });
  return node;
}

const exact = (share) => `${Number((100 * share).toFixed(2))}%`;

function legend(reference, recent) {
  const node = element('ul', undefined, 'chart-legend');
  node.setAttribute('role', 'list');
  node.append(entry('then', 'test photos', reference), entry('now', 'this board', recent));
  return node;
}

function entry(name, text, histogram) {
  const item = element('li', undefined, name);
  const unknown = histogram?.photos ? `, ${percent(histogram.unknown / histogram.photos)} unknown` : '';
  item.append(text, element('span', histogram ? `${histogram.photos.toLocaleString('en')}${unknown}` : 'not in the model card'));
  return item;
}

function figures({edges, reference, recent, index}) {
  const details = element('details', undefined, 'figures');
  details.append(element('summary', 'Figures'));
  if (typeof index === 'number') details.append(element('p', `Population stability index: ${index.toFixed(3)}`, 'quiet'));
  const table = element('table');
  table.append(line('th', ['Best score', 'Test photos', 'This board']));
  for (let bin = 0; bin < edges.length - 1; bin += 1) {
    const range = `${exact(edges[bin])} to ${exact(edges[bin + 1])}`;
    table.append(line('td', [range, reference?.counts[bin] ?? '–', recent?.counts[bin] ?? '–']));
  }
  table.append(line('td', ['unknown', reference?.unknown ?? '–', recent?.unknown ?? '–']));
  details.append(table);
  return details;
}

function line(kind, cells) {
  const row = element('tr');
  row.append(...cells.map((text) => element(kind, typeof text === 'number' ? text.toLocaleString('en') : text)));
  return row;
}
