// Lane one: candles, and a VWAP line that is broken where a minute has no value.

import {
  CandlestickSeries, ColorType, CrosshairMode, createChart,
} from "./vendor/lightweight-charts/lightweight-charts.standalone.production.mjs";
import { grouped, sizeFor } from "./groups.js";
import { colour, onTheme } from "./theme.js";

/** Width of the price scale, and of the labels of the lanes below it. */
export const EDGE = 84;

/**
 * Draws over the candles: those of several minutes where single ones are too narrow to be seen, the
 * VWAP, hollow marks of filled minutes, and the picked minute.
 */
class Overlay {
  constructor(onSize) {
    this.onSize = onSize;
    this.size = 1;
    this.lines = [];
    this.filled = [];
    this.picked = null;
  }

  attached({ chart, series, requestUpdate }) {
    Object.assign(this, { chart, series, update: requestUpdate });
  }

  paneViews() {
    return [{ zOrder: () => "top", renderer: () => ({ draw: (target) => this.draw(target) }) }];
  }

  show(board) {
    this.board = board;
    this.groups = this.size > 1 ? grouped(board, this.size) : [];
    this.lines = unbroken(board.candles.vwap);
    this.filled = board.filled.map(([place, value]) => [place, Number(value)]);
    this.update();
  }

  resize(size) {
    if (size !== this.size && this.board) {
      this.size = size;
      this.groups = size > 1 ? grouped(this.board, size) : [];
      // Not while the chart is being drawn.
      queueMicrotask(() => this.onSize(size));
    }
  }

  drawGroups(context, x, y, pixels, width) {
    for (const group of this.groups) {
      const left = x(group.start) - pixels / 2;
      if (left + this.size * pixels > 0 && left < width) {
        const prices = Object.fromEntries(
          ["open", "high", "low", "close"].map((name) => [name, y(group[name])]));
        drawCandle(context, left, this.size * pixels - 1, prices);
      }
    }
  }

  autoscaleInfo() {
    return null;
  }

  draw(target) {
    target.useMediaCoordinateSpace(({ context, mediaSize }) => {
      const x = (place) => this.chart.timeScale().logicalToCoordinate(place);
      const y = (value) => this.series.priceToCoordinate(value);
      if (this.picked !== null) {
        const width = Math.max(3, x(1) - x(0));
        context.globalAlpha = 0.25;
        context.fillStyle = colour("focus");
        context.fillRect(x(this.picked) - width / 2, 0, width, mediaSize.height);
        context.globalAlpha = 1;
      }
      const pixels = x(1) - x(0);
      this.resize(sizeFor(pixels));
      if (this.size > 1) {
        this.drawGroups(context, x, y, pixels, mediaSize.width);
      }
      context.strokeStyle = colour("vwap");
      // Over wide candles a thin line hides nothing.
      context.lineWidth = this.size > 1 ? 1 : 2;
      context.lineJoin = "round";
      context.lineCap = "round";
      context.beginPath();
      for (const line of this.lines) {
        // A minute between two gaps becomes a dot.
        context.moveTo(x(line[0][0]), y(line[0][1]));
        line.forEach(([place, value]) => context.lineTo(x(place), y(value)));
      }
      context.stroke();
      context.strokeStyle = colour("filled");
      context.lineWidth = 1.5;
      for (const [place, value] of this.filled) {
        context.beginPath();
        context.arc(x(place), y(value), 3.5, 0, 2 * Math.PI);
        context.stroke();
      }
    });
  }
}

/** Draw one candle: hollow where it rose, full where it fell. */
function drawCandle(context, left, width, { open, high, low, close }) {
  const middle = left + width / 2;
  const [top, bottom] = [Math.min(open, close), Math.max(open, close)];
  context.strokeStyle = context.fillStyle = colour(close <= open ? "rise" : "fall");
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(middle, high);
  context.lineTo(middle, top);
  context.moveTo(middle, bottom);
  context.lineTo(middle, low);
  context.stroke();
  const body = [left + 0.5, top, Math.max(1, width - 1), Math.max(1, bottom - top)];
  if (close <= open) {
    context.strokeRect(...body);
  } else {
    context.fillRect(...body);
  }
}

/** Split a list of values into unbroken lines of [place, value]. */
function unbroken(values) {
  const lines = [];
  values.forEach((text, place) => {
    if (text !== null) {
      if (place === 0 || values[place - 1] === null) {
        lines.push([]);
      }
      lines.at(-1).push([place, Number(text)]);
    }
  });
  return lines;
}

/** Decimals of a price as the exchange writes it, without trailing zeros. */
function decimals(texts) {
  const lengths = texts.filter((text) => text !== null).map(
    (text) => (text.split(".")[1] || "").replace(/0+$/, "").length);
  // Seven digits are as many as a glance takes in.
  const largest = Math.max(...texts.filter((text) => text !== null).map(Number), 1e-8);
  const room = Math.max(2, 6 - Math.floor(Math.log10(largest)));
  return Math.min(room, 12, Math.max(2, ...lengths));
}

/** Make the chart in an element; `onSize` is told how many minutes a candle has. */
export function makeChart(element, onSize) {
  const chart = createChart(element, {
    autoSize: true,
    layout: { attributionLogo: true, fontSize: 11, background: { type: ColorType.Solid } },
    crosshair: { mode: CrosshairMode.Normal },
    timeScale: { timeVisible: true, secondsVisible: false, minBarSpacing: 0.05 },
    rightPriceScale: { minimumWidth: EDGE },
    handleScale: { axisPressedMouseMove: { time: true, price: false } },
    localization: { locale: "en-GB" },
  });
  // Open and filled bodies tell up from down without colour.
  const candles = chart.addSeries(CandlestickSeries, {
    priceLineVisible: false, lastValueVisible: false,
  });
  const overlay = new Overlay((size) => {
    paint();
    onSize(size);
  });
  candles.attachPrimitive(overlay);

  function paint() {
    const [ink, rule] = [colour("ink"), colour("rule")];
    chart.applyOptions({
      layout: { background: { type: ColorType.Solid, color: colour("card") }, textColor: ink },
      grid: { vertLines: { color: rule }, horzLines: { color: rule } },
      timeScale: { borderColor: rule },
      rightPriceScale: { borderColor: rule },
    });
    // Single minutes still set the scale where wider candles are drawn over them.
    const isSeen = overlay.size === 1;
    const painted = (name) => (isSeen ? colour(name) : "transparent");
    candles.applyOptions({
      upColor: painted("card"), borderUpColor: painted("rise"), wickUpColor: painted("rise"),
      downColor: painted("fall"), borderDownColor: painted("fall"), wickDownColor: painted("fall"),
    });
  }
  paint();
  onTheme(paint);
  let shown = 0;
  let isCorrected = false;
  // The chart takes a range over when it draws the next time, and tells the old one until then.
  let next = null;

  function see(range) {
    next = range;
    chart.timeScale().setVisibleLogicalRange(range);
    requestAnimationFrame(() => {
      next = next === range ? null : next;
    });
  }

  function seen() {
    return next ?? chart.timeScale().getVisibleLogicalRange();
  }

  function isWhole(range) {
    return range.to - range.from > shown - 2;
  }

  // No further out than all there is: the chart's own fixed edges would cut off minutes without a
  // value at the end.
  chart.timeScale().subscribeVisibleLogicalRangeChange((range) => {
    if (!range || !shown || isCorrected) {
      return;
    }
    const length = Math.min(range.to - range.from, shown);
    const from = Math.min(Math.max(range.from, -0.5), shown - 0.5 - length);
    if (Math.abs(range.from - from) > 0.1 || Math.abs(range.to - from - length) > 0.1) {
      isCorrected = true;
      see({ from, to: from + length });
      requestAnimationFrame(() => {
        isCorrected = false;
      });
    }
  });

  return {
    chart,
    /** Show a board; keep the zoom if `keep` is set. */
    show(board, keep) {
      const before = seen();
      const range = keep && before && !isWhole(before) ? before : null;
      const start = Date.parse(board.from) / 1000;
      const { open, high, low, close, vwap } = board.candles;
      const precision = decimals([...high.slice(-500), ...low.slice(-500)]);
      candles.applyOptions({
        priceFormat: { type: "price", precision, minMove: 10 ** -precision },
      });
      candles.setData(open.map((value, place) => (value === null || vwap[place] === null
        ? { time: start + place * 60 }
        : {
          time: start + place * 60,
          open: Number(value),
          high: Number(high[place]),
          low: Number(low[place]),
          close: Number(close[place]),
        })));
      overlay.show(board);
      shown = open.length;
      // Show the whole range even where nothing in it has a value.
      see(range || { from: -0.5, to: open.length - 0.5 });
    },
    /** Show the whole span again. */
    fit() {
      see({ from: -0.5, to: shown - 0.5 });
    },
    /** Show the minutes [from, to) only. */
    zoom({ from, to }) {
      see({ from: from - 0.5, to: to - 0.5 });
    },
    /** The minutes [from, to) that are shown of a longer span; null where all are. */
    zoomed() {
      const range = seen();
      if (!range || isWhole(range)) {
        return null;
      }
      const from = Math.max(0, Math.round(range.from + 0.5));
      return { from, to: Math.min(shown, Math.max(from + 1, Math.round(range.to + 0.5))) };
    },
    pick(place) {
      overlay.picked = place;
      overlay.update();
    },
    /** Bring a minute into view. */
    reveal(place) {
      const range = seen();
      if (range && (place < range.from || place > range.to)) {
        const half = (range.to - range.from) / 2;
        see({ from: place - half, to: place + half });
      }
    },
  };
}
