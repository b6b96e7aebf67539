/** A recording drawn as bars, and a slider on it. In: bars, how loud it is or where it has text. Out: places to go. */

export type Waveform = {
  readonly element: HTMLElement;
  /** 0 to 1 a bar, in parts of equal length. */
  setPeaks(peaks: readonly number[]): void;
  setPosition(ms: number): void;
  setDuration(ms: number): void;
  dispose(): void;
};

type WaveformGiven = {
  readonly label: string;
  readonly clock: (ms: number) => string;
  readonly onSeek: (ms: number) => void;
};

const barWidth = 3;

export function createWaveform({ label, clock, onSeek }: WaveformGiven): Waveform {
  const canvas = document.createElement("canvas");
  canvas.className = "wave";
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "slider");
  canvas.setAttribute("aria-label", label);
  canvas.setAttribute("aria-valuemin", "0");
  let peaks: readonly number[] = [];
  let [positionMs, durationMs] = [0, 0];
  const draw = () => drawBars(canvas, peaks, positionMs / durationMs);
  const seekAt = ({ clientX }: PointerEvent) => {
    const { left, width } = canvas.getBoundingClientRect();
    onSeek(Math.min(1, Math.max(0, (clientX - left) / width)) * durationMs);
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    seekAt(event);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (canvas.hasPointerCapture(event.pointerId)) seekAt(event);
  });
  canvas.addEventListener("keydown", (event) => {
    const target = { Home: 0, End: durationMs }[event.key];
    if (target === undefined) return;
    event.preventDefault();
    onSeek(target);
  });
  const resized = new ResizeObserver(draw);
  resized.observe(canvas);
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  scheme.addEventListener("change", draw);
  return {
    element: canvas,
    setPeaks: (given) => {
      peaks = given;
      draw();
    },
    setPosition: (ms) => {
      positionMs = ms;
      canvas.setAttribute("aria-valuenow", String(Math.round(ms / 1000)));
      canvas.setAttribute("aria-valuetext", `${clock(ms)} / ${clock(durationMs)}`);
      draw();
    },
    setDuration: (ms) => {
      durationMs = ms;
      canvas.setAttribute("aria-valuemax", String(Math.round(ms / 1000)));
      draw();
    },
    dispose: () => {
      resized.disconnect();
      scheme.removeEventListener("change", draw);
    },
  };
}

function drawBars(canvas: HTMLCanvasElement, peaks: readonly number[], played: number): void {
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  const context = canvas.getContext("2d");
  if (!context || width === 0 || height === 0) return;
  const scale = globalThis.devicePixelRatio || 1;
  const [pixelWidth, pixelHeight] = [Math.round(width * scale), Math.round(height * scale)];
  if (canvas.width !== pixelWidth) canvas.width = pixelWidth;
  if (canvas.height !== pixelHeight) canvas.height = pixelHeight;
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  const style = getComputedStyle(canvas);
  const [quiet, loud] = [style.color, style.getPropertyValue("--accent") || style.color];
  const bars = Math.max(1, Math.floor(width / barWidth));
  for (let bar = 0; bar < bars; bar++) {
    const from = Math.floor((bar * peaks.length) / bars);
    const to = Math.max(from + 1, Math.floor(((bar + 1) * peaks.length) / bars));
    let peak = 0;
    for (let index = from; index < Math.min(to, peaks.length); index++) peak = Math.max(peak, peaks[index]!);
    const tall = Math.max(2, peak * (height - 4));
    context.fillStyle = (bar + 0.5) / bars <= played ? loud : quiet;
    context.fillRect(bar * barWidth, (height - tall) / 2, barWidth - 1, tall);
  }
  context.fillStyle = loud;
  context.fillRect(Math.min(width - 2, Math.max(0, played * width - 1)), 0, 2, height);
}
