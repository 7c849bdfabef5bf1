// Buttons "capture for …", which put what a view shows into the folder of a class, to train on.

import {choice, post} from './choice.js';
import {element} from './shared/words.js';

const COUNTS = [1, 3, 10, 20];

/** What to do where a board keeps no captured pictures. */
export function captureHint() {
  return [' To capture pictures for training from here, start with ', element('code', '--capture DIR'), '.'];
}

/**
 * Buttons for classes, and a field for a new one.
 *
 * `known` are the model's labels, `captured` the classes that have pictures already; `first` are those to offer first;
 * `path` receives the class and the number of pictures.
 */
export function capturing(known, captured, first, path) {
  const labels = [...new Set([...known, ...captured])];
  const row = element('label', 'Pictures in a row ', 'in-a-row');
  const select = element('select');
  select.append(...COUNTS.map((number) => Object.assign(element('option', String(number)), {value: String(number)})));
  row.append(select);
  const send = async (label) => said(await post(path, {label, count: Number(select.value)}));
  return choice({
    labels, first: [...captured, ...first], title: 'Capture this view now for …', button: 'Capture',
    between: [row], send, failed: 'not captured', grows: true,
  });
}

function said({saved, same}) {
  if (!saved.length) return ['The picture is the same as the last one, so it is not kept again.'];
  const rest = same ? ` ${same} more ${same === 1 ? 'was' : 'were'} the same as the one before.` : '';
  const what = saved.length === 1 ? 'Captured as ' : `Captured ${saved.length} pictures, the last as `;
  return [what, element('bdi', saved.at(-1)), '.', rest];
}
