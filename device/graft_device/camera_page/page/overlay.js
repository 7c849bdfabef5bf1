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

/** Draws the views' regions with their names and labels; views of the same region share one. `answers` are by view. */
export function showRegions(layer, views, answers) {
  const places = new Map();
  for (const view of views) {
    const key = JSON.stringify([view.region, view.roi]);
    places.set(key, [...(places.get(key) ?? []), view]);
  }
  while (layer.children.length > places.size) layer.lastChild.remove();
  [...places.values()].forEach((group, index) => place(layer.children[index] ?? layer.appendChild(box()), group, answers));
}

function box() {
  const node = element('div', undefined, 'region');
  node.append(element('span', undefined, 'region-tag'));
  return node;
}

function place(node, [view, ...others], answers) {
  const whole = view.roi === null;
  const [x, y, width, height] = view.roi ?? [0, 0, 1, 1];
  Object.assign(node.style, {left: share(x), top: share(y), width: share(width), height: share(height)});
  const given = [view, ...others].map(({id}) => answers.get(id)).filter(Boolean);
  node.classList.toggle('whole', whole);
  const below = y + height <= 1 - ROOM;
  node.classList.toggle('above', !below && y >= ROOM);
  node.classList.toggle('inside', !below && y < ROOM);
  node.classList.toggle('late', x > 0.6);
  node.classList.toggle('is-still', given.length > 0 && given.every((answer) => answer.still));
  const parts = given.filter((answer) => answer.label).map((answer) => label(answer));
  if (view.region !== null) parts.unshift(element('bdi', view.region, 'region-title'));
  node.firstChild.replaceChildren(...parts);
  node.firstChild.hidden = parts.length === 0;
}

const share = (value) => `${100 * value}%`;

function label(answer) {
  const node = element('span', undefined, answer.unknown ? 'region-label unknown' : 'region-label');
  node.append(element('bdi', answer.unknown ? 'unknown' : answer.label), answer.unknown ? '' : ` ${percent(answer.score)}`);
  return node;
}
