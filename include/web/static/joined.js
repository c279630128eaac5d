// A board that is refreshed at its end only.

const MINUTE = 60_000;

/**
 * Append a newer end to the board that is shown, and drop its oldest minutes.
 *
 * `isCounted` tells whether the tiles of the end count the whole span.
 */
export function joined(old, tail, from, isCounted) {
  const gone = Math.round((from - Date.parse(old.from)) / MINUTE);
  const kept = Math.round((Date.parse(tail.from) - from) / MINUTE);
  const cut = (list) => list.slice(gone, gone + kept);
  const move = (name) => [
    ...old[name].map(([place, ...rest]) => [place - gone, ...rest])
      .filter(([place]) => place >= 0 && place < kept),
    ...tail[name].map(([place, ...rest]) => [place + kept, ...rest]),
  ];
  const ribbons = tail.ribbons.map((ribbon) => {
    const before = old.ribbons.find((each) => each.symbol === ribbon.symbol);
    const runs = [];
    let place = -gone;
    for (const [cause, count] of before ? before.causes : [["NOT_PUBLISHED", gone + kept]]) {
      const length = Math.min(kept, place + count) - Math.max(0, place);
      if (length > 0) {
        runs.push([cause, length]);
      }
      place += count;
    }
    const [[cause, count], ...later] = ribbon.causes;
    if (runs.at(-1)?.[0] === cause) {
      runs.at(-1)[1] += count;
    } else {
      runs.push([cause, count]);
    }
    return { symbol: ribbon.symbol, causes: [...runs, ...later] };
  });
  const candles = Object.fromEntries(Object.entries(tail.candles).map(
    ([name, list]) => [name, [...cut(old.candles[name]), ...list]]));
  return {
    ...tail, from: new Date(from).toISOString(), candles, ribbons,
    tiles: isCounted ? tail.tiles : withNewest(old.tiles, tail.tiles.last, candles.vwap, from),
    filled: move("filled"), soft_flags: move("soft_flags"), revisions: move("revisions"),
    restatements: move("restatements"),
  };
}

/** The tiles of the whole span as they were, with the newest price, and its change over the span. */
function withNewest(tiles, last, vwap, from) {
  const place = vwap.findIndex((text) => text !== null);
  if (!last || place < 0) {
    return tiles;
  }
  const before = Number(vwap[place]);
  return {
    ...tiles,
    last: {
      ...last,
      change_ratio: before ? String((Number(last.vwap) - before) / before) : null,
      since: new Date(from + place * MINUTE).toISOString(),
    },
  };
}
