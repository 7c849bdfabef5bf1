// The model cards of the board's models.

import {showCard} from './shared/card.js';
import {element} from './shared/words.js';

/** Shows the cards; all but the only one are folded up. */
export function showModels(node, board) {
  const all = board.sources.flatMap((source) => source.views);
  node.replaceChildren(...board.models.map((model) => {
    const list = element('dl', undefined, 'rows');
    const labels = all.find((view) => view.model === model.name)?.labels ?? [];
    showCard(list, model.card, labels, {Runtime: model.runtime});
    const card = element(board.models.length > 1 ? 'details' : 'div', undefined, 'model');
    const title = element(board.models.length > 1 ? 'summary' : 'h3');
    title.append(element('bdi', model.name));
    card.append(title, list);
    return card;
  }));
}
