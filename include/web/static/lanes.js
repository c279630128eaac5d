// Lanes two and three: causes by symbol, then flags and revisions, on the chart's own time axis.

import { MARKS, paint } from "./causes.js";
import { colour, onTheme } from "./theme.js";

const ROW = 18;
const BAR = 13;
const MARKED = MARKS.filter(({ lane }) => lane);

/** Make the lanes on a canvas below a chart. */
export function makeLanes(canvas, chart) {
  let board = null;
  let picked = null;
  let isAsked = false;

  function rows() {
    return board ? board.ribbons.length + MARKED.length : 0;
  }

  /** Draw on a canvas of a width in CSS pixels, at the chart's own places. */
  function drawOn(target, width) {
    const height = rows() * ROW + 4;
    const scale = window.devicePixelRatio || 1;
    target.style.height = `${height}px`;
    target.width = Math.round(width * scale);
    target.height = Math.round(height * scale);
    const context = target.getContext("2d");
    context.scale(scale, scale);
    const axis = chart.timeScale();
    const right = axis.width();
    const step = axis.logicalToCoordinate(1) - axis.logicalToCoordinate(0);
    const left = (place) => axis.logicalToCoordinate(place) - step / 2;

    context.save();
    context.beginPath();
    context.rect(0, 0, right, height);
    context.clip();
    if (picked !== null) {
      context.fillStyle = colour("focus");
      context.globalAlpha = 0.25;
      context.fillRect(left(picked) - Math.max(0, 1.5 - step / 2), 0, Math.max(3, step), height);
      context.globalAlpha = 1;
    }
    board.ribbons.forEach((ribbon, row) => {
      let place = 0;
      for (const [cause, count] of ribbon.causes) {
        const start = left(place);
        // Keep the narrowest runs visible, except for OK.
        const least = cause === "OK" ? 0 : 1.5;
        const wide = Math.max(least, left(place + count) - start);
        if (start < right && start + wide > 0) {
          const from = Math.max(-20, start);
          paint(context, cause, from, row * ROW + 4, Math.min(right + 20, start + wide) - from, BAR);
        }
        place += count;
      }
    });
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.font = "11px system-ui, sans-serif";
    MARKED.forEach(({ mark, field }, row) => {
      context.fillStyle = colour("ink");
      const y = (board.ribbons.length + row) * ROW + 4 + BAR / 2;
      for (const [place] of board[field]) {
        context.fillText(mark, axis.logicalToCoordinate(place), y);
      }
    });
    context.restore();

    context.textAlign = "left";
    context.textBaseline = "middle";
    const names = [...board.ribbons.map((ribbon) => ribbon.symbol), ...MARKED.map(({ lane }) => lane)];
    names.forEach((name, row) => {
      context.fillStyle = name === board.symbol ? colour("ink") : colour("soft");
      context.font = `${name === board.symbol ? "600 " : ""}11px system-ui, sans-serif`;
      context.fillText(name, right + 6, row * ROW + 4 + BAR / 2, width - right - 8);
    });
  }

  function draw() {
    isAsked = false;
    if (board) {
      drawOn(canvas, canvas.clientWidth);
    }
  }

  function redraw() {
    if (!isAsked) {
      isAsked = true;
      requestAnimationFrame(draw);
    }
  }

  chart.timeScale().subscribeVisibleLogicalRangeChange(redraw);
  chart.timeScale().subscribeSizeChange(redraw);
  new ResizeObserver(redraw).observe(canvas);
  onTheme(redraw);

  return {
    drawOn,
    show(next) {
      board = next;
      redraw();
    },
    pick(place) {
      picked = place;
      redraw();
    },
    /** The minute and symbol at a point of the canvas; a symbol only on its ribbon. */
    at(event) {
      const box = canvas.getBoundingClientRect();
      const place = chart.timeScale().coordinateToLogical(event.clientX - box.left);
      const ribbon = board && board.ribbons[Math.floor((event.clientY - box.top) / ROW)];
      return { place: Math.round(place), symbol: ribbon ? ribbon.symbol : null };
    },
  };
}

/** The cause of a minute of a ribbon. */
export function causeAt(ribbon, place) {
  let left = place;
  for (const [cause, count] of ribbon.causes) {
    if (left < count) {
      return cause;
    }
    left -= count;
  }
  return "NOT_PUBLISHED";
}
