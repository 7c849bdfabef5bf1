// A picture in a group: its thumbnail, and what a person, the model and its likeness say that it shows.

import {element} from './shared/words.js';
import {unwatch, watch} from './loader.js';

/** A probability as a short percentage, rounded down since none is certain. */
const share = (score) => `${Math.floor(100 * score)}%`;

/** Makes a tile; beside a picture that is there already its twin is shown. */
export function makeTile(picture) {
  const tile = element('div', undefined, 'tile');
  tile.id = `picture-${picture.id}`;
  tile.dataset.id = picture.id;
  tile.role = 'option';
  tile.tabIndex = -1;
  tile.draggable = true;
  tile.ariaSelected = 'false';
  tile.ariaLabel = description(picture);
  tile.title = picture.name;
  if (picture.twin) {
    const pair = element('span', undefined, 'pair');
    pair.append(side(picture.id, '/thumbnail', [[picture.name, '']]), side(picture.id, '/twin/thumbnail', [['there already', 'likely'], [twinName(picture), '']]));
    tile.append(pair);
  } else {
    tile.append(side(picture.id, '/thumbnail', captionOf(picture)));
  }
  return tile;
}

/** Frees what a tile that is no longer shown has loaded. */
export function closeTile(tile) {
  for (const frame of tile.querySelectorAll('.thumb')) unwatch(frame);
}

/** What is known of a picture as [text, class of the text], the most certain first. */
export function captionOf(picture) {
  const lines = [];
  if (picture.said) lines.push([`a person said ${picture.said}`, 'person']);
  if (picture.suggested && picture.suggested !== picture.said) {
    lines.push([`like ${picture.suggested}${picture.score === null ? '' : ` ${share(picture.score)}`}`, 'likely']);
  }
  if (picture.answer) lines.push([answerOf(picture), picture.answer === 'unknown' ? 'refused' : '']);
  if (lines.length < 3) lines.push([picture.board || picture.name.split('/').pop(), '']);
  return lines;
}

/** The last folders of the twin's path. */
export const twinName = (picture) => picture.twin.split('/').slice(-2).join('/');

function answerOf({answer, predictions}) {
  const score = predictions.find(({label}) => label === answer)?.score;
  return `model: ${answer}${score === undefined ? '' : ` ${share(score)}`}`;
}

function description(picture) {
  const told = picture.twin ? [`the same as ${twinName(picture)}`] : captionOf(picture).map(([text]) => text).filter((text) => !picture.name.endsWith(text));
  return [picture.name.split('/').pop(), ...told].join(', ');
}

function side(id, part, lines) {
  const box = element('span');
  const frame = element('span', undefined, 'thumb');
  const caption = element('span', undefined, 'caption');
  for (const [text, kind] of lines) caption.append(element('span', text, kind));
  watch(frame, id, part);
  box.append(frame, caption);
  return box;
}
