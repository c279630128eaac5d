// What to ask the server for: the whole span, or its end alone where the rest is here already.

const MINUTE = 60_000;
// Minutes that a refresh loads; now and then it loads all, as old minutes are revised, too.
const TAIL = 30;
const WHOLE_EVERY_MS = 10 * MINUTE;
const LONGEST_COUNTED_MS = 24 * 60 * MINUTE;

/**
 * Return the parameters of the board of a span [from, to), in milliseconds.
 *
 * `known` is the moment as of which it is shown, null for now; `board` the one that is shown, and
 * `wholeAt` when all of it was loaded. `isTail`: it is the end alone; `isCounted`: its tiles count the
 * whole span all the same.
 */
export function boardRequest({ symbol, from, to, known, isRefresh, board, wholeAt }) {
  const isTail = isRefresh && board !== null && !known && Date.now() - wholeAt < WHOLE_EVERY_MS
    && to - from > TAIL * MINUTE && Date.parse(board.to) >= to - TAIL * MINUTE;
  // Of more than a day the server would read all of it anew each time.
  const isCounted = isTail && to - from <= LONGEST_COUNTED_MS;
  return {
    isTail,
    isCounted,
    parameters: {
      symbol,
      from: new Date(isTail ? to - TAIL * MINUTE : from).toISOString(),
      to: new Date(to).toISOString(),
      ...(known && { moment: known }),
      ...(isCounted && { counted_from: new Date(from).toISOString() }),
    },
  };
}
