// Regions and masks over a picture.

import {element, percent} from './shared/words.js';

const ROOM = 0.2; // of the frame's height that a name needs above or below its region
const SVG = 'http://www.w3.org/2000/svg';

/** Draws masks, polygons in shares of the frame, into an SVG whose view box is 0 to 1. */
export function showMasks(svg, masks) {
  svg.replaceChildren(...masks.map((points) => {
    const polygon = document.createElementNS(SVG, 'polygon');
    polygon.setAttribute('points', points.map((point) => point.join(',')).join(' '));
    return polygon;
  }));
}

/**
 * Draws the views' regions with their names and labels; views of the same place share one. `answers` are by view.
 * Regions in pixels are left out until `size`, that of the frame, is known.
 */
export function showRegions(layer, views, answers, size) {
  const places = new Map();
  for (const view of views.filter((one) => !isNowhere(one, size))) {
    const key = JSON.stringify(view.roi);
    places.set(key, [...(places.get(key) ?? []), view]);
  }
  while (layer.children.length > places.size) layer.lastChild.remove();
  [...places.values()].forEach((group, index) => place(layer.children[index] ?? layer.appendChild(box()), group, answers));
}

/** Whether a view's region has no place yet. */
export const isNowhere = (view, size) => view.region !== null && view.roi === null && !size;

function box() {
  const node = element('div', undefined, 'region');
  node.append(element('span', undefined, 'region-tag'));
  return node;
}

function place(node, views, answers) {
  const {roi} = views[0];
  const [x, y, width, height] = roi ?? [0, 0, 1, 1];
  Object.assign(node.style, {left: share(x), top: share(y), width: share(width), height: share(height)});
  const given = views.map(({id}) => answers.get(id)).filter(Boolean);
  node.classList.toggle('whole', roi === null);
  const below = y + height <= 1 - ROOM;
  node.classList.toggle('above', !below && y >= ROOM);
  node.classList.toggle('inside', !below && y < ROOM);
  node.classList.toggle('late', x > 0.6);
  node.classList.toggle('is-still', given.length > 0 && given.every((answer) => answer.still));
  const names = [...new Set(views.map((view) => view.region))].filter((name) => name !== null);
  const parts = [...names.map((name) => element('bdi', name, 'region-title')), ...given.filter((one) => one.label).map(label)];
  node.firstChild.replaceChildren(...parts);
  node.firstChild.hidden = parts.length === 0;
}

const share = (value) => `${100 * value}%`;

function label(answer) {
  const node = element('span', undefined, answer.unknown ? 'region-label unknown' : 'region-label');
  node.append(element('bdi', answer.unknown ? 'unknown' : answer.label), answer.unknown ? '' : ` ${percent(answer.score)}`);
  return node;
}
