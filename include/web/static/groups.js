// Candles of several minutes, for spans whose minutes are narrower than can be seen.

const SIZES = [1, 5, 15, 60, 240];
// A candle and its space.
const LEAST_PIXELS = 4;

/** Minutes to one candle at a width of a minute in pixels. */
export function sizeFor(pixels) {
  return SIZES.find((size) => size * pixels >= LEAST_PIXELS) || SIZES.at(-1);
}

/** A size in words. */
export function sizeText(size) {
  return size < 60 ? `${size} min` : `${size / 60} h`;
}

/**
 * Join a board's minutes to candles of `size` minutes, from whole multiples of it on the clock.
 *
 * The first open, the highest high, the lowest low and the last close of the minutes with a value:
 * exact, and a group without one has no candle.
 */
export function grouped(board, size) {
  const { open, high, low, close, vwap } = board.candles;
  const ahead = (Date.parse(board.from) / 60_000) % size;
  const groups = [];
  for (let start = -ahead; start < vwap.length; start += size) {
    let group = null;
    for (let place = Math.max(0, start); place < Math.min(vwap.length, start + size); place += 1) {
      if (open[place] === null || vwap[place] === null) {
        continue;
      }
      group ??= { start, open: Number(open[place]), high: -Infinity, low: Infinity };
      group.high = Math.max(group.high, Number(high[place]));
      group.low = Math.min(group.low, Number(low[place]));
      group.close = Number(close[place]);
    }
    if (group) {
      groups.push(group);
    }
  }
  return groups;
}
