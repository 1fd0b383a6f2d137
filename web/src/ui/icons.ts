/** Icons of the pages, drawn by us on a 24 x 24 grid: `line` is stroked, `fill` is filled. */
export interface Drawing {
  line: string;
  fill?: string;
}

export const icons = {
  // scenes
  table: { line: "M3 9.5h18M5.5 9.5V19M18.500 9.500V19M8 6h8" },
  presentation: { line: "M3 4.500h18M4.500 4.500v11h15v-11M12 15.500V18M8.500 21l3.500-3 3.500 3M8.500 11.500l2.500-2.500 2 1.500 3-3" },
  meeting: { line: "M5 5h14a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2V7a2 2 0 0 1 2-2zM14 10a2 2 0 1 1-4 0 2 2 0 0 1 4 0zM8.500 15c.4-1.800 1.700-2.700 3.500-2.700s3.100.9 3.500 2.700M9 20.500h6" },
  house: { line: "M4 20V10l8-6 8 6v10M9.500 20v-6h5v6M2.500 20h19" },
  plaque: { line: "M5.500 3.500h13A1.500 1.500 0 0 1 20 5v10a1.500 1.500 0 0 1-1.500 1.500h-13A1.500 1.500 0 0 1 4 15V5a1.500 1.500 0 0 1 1.500-1.500zM8 7.500h8M9.500 10.500h5M7.500 16.500 6 21M16.500 16.500 18 21M10 13.500h4" },
  film: { line: "M20.500 12a8.500 8.500 0 1 1-17 0 8.500 8.500 0 0 1 17 0zM10 8.500l5.500 3.500L10 15.500z" },
  grid: { line: "M5 3.500h4A1.500 1.500 0 0 1 10.500 5v4A1.500 1.500 0 0 1 9 10.500H5A1.500 1.500 0 0 1 3.500 9V5A1.500 1.500 0 0 1 5 3.500zM15 3.500h4A1.500 1.500 0 0 1 20.500 5v4a1.500 1.500 0 0 1-1.500 1.500h-4A1.500 1.500 0 0 1 13.500 9V5A1.500 1.500 0 0 1 15 3.500zM5 13.500h4a1.500 1.500 0 0 1 1.500 1.500v4A1.500 1.500 0 0 1 9 20.500H5A1.500 1.500 0 0 1 3.500 19v-4A1.500 1.500 0 0 1 5 13.500zM15 13.500h4a1.500 1.500 0 0 1 1.500 1.500v4a1.500 1.500 0 0 1-1.500 1.500h-4a1.500 1.500 0 0 1-1.500-1.500v-4a1.500 1.500 0 0 1 1.500-1.500z" },
  power: { line: "M12 3v8.500M6.800 6.800a7.500 7.500 0 1 0 10.400 0" },
  scene: { line: "M12 3.500l2.600 5.400 5.900.8-4.300 4.100 1.100 5.900L12 16.900l-5.300 2.800 1.100-5.900L3.500 9.700l5.900-.8z" },
  // states
  tick: { line: "M5 12.500 9.500 17 19 7.500" },
  arc: { line: "M12 3.500a8.500 8.500 0 1 0 8.500 8.500" },
  half: { line: "M20.500 12a8.500 8.500 0 1 1-17 0 8.500 8.500 0 0 1 17 0z", fill: "M12 3.500v17A8.500 8.500 0 0 0 12 3.500z" },
  warning: { line: "M12 4 2.800 19.500h18.400zM12 10v4.500M12 17.200v.1" },
  swapped: { line: "M4 8h11l-3-3.500M20 16H9l3 3.500" },
  cut: { line: "M3 9a13.500 13.500 0 0 1 5-2.900M21 9a13.500 13.500 0 0 0-8.500-3.900M6 12.700a9 9 0 0 1 3-1.900M18 12.700a9 9 0 0 0-2-1.400M9.300 16a4 4 0 0 1 5.400 0M12 19.500v.1M4 3.500l16 17" },
  waves: { line: "M3 9a13.500 13.500 0 0 1 18 0M6 12.700a9 9 0 0 1 12 0M9.300 16a4 4 0 0 1 5.400 0M12 19.500v.1" },
  cross: { line: "M6 6l12 12M18 6 6 18" },
  pause: { line: "M9 5v14M15 5v14" },
  // things
  laptop: { line: "M6.500 5h11A1.500 1.500 0 0 1 19 6.500V15H5V6.500A1.500 1.500 0 0 1 6.500 5zM2.500 18.500h19" },
  podium: { line: "M6 9h12l-1.500 11h-9zM4.500 6.500h15V9h-15zM12 6.500V3.500M10.500 3.500h3" },
  camera: { line: "M5.500 6.500H13A2.500 2.500 0 0 1 15.500 9v6a2.500 2.500 0 0 1-2.500 2.500H5.500A2.500 2.500 0 0 1 3 15V9a2.500 2.500 0 0 1 2.500-2.500zM15.500 11l5.500-3v8l-5.500-3" },
  cctv: { line: "M3 8.500 14.500 4l3 6.500L6 15zM17 8l3.500 1.500-1.300 3.200-2-.8M9 14v3.500H3.500M3.500 15v5" },
  document: { line: "M6.500 3.500H14l4.500 4.500v12h-12zM14 3.500V8h4.500M9.500 12.500h5M9.500 16h5" },
  source: { line: "M4 6h16v9.500H4zM9 20h6M12 15.500V20M8.500 10.500h4.500m-2-2 2 2-2 2" },
  screen: { line: "M5 4.500h14a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2v-8a2 2 0 0 1 2-2zM8.500 20h7M12 16.500V20" },
  projector: { line: "M4.500 8h15A1.500 1.500 0 0 1 21 9.500v6a1.500 1.500 0 0 1-1.500 1.500h-15A1.500 1.500 0 0 1 3 15.500v-6A1.500 1.500 0 0 1 4.500 8zM11.500 12.500a3 3 0 1 1-6 0 3 3 0 0 1 6 0zM15 11h3M15 14h3M6 17v2M18 17v2" },
  matrix: { line: "M4 5h4v4H4zM4 15h4v4H4zM16 5h4v4h-4zM16 15h4v4h-4zM8 7h2.500c1.500 0 1.500 10 3 10H16M8 17h2.500c1.500 0 1.500-10 3-10H16" },
  audio: { line: "M4 9.500v5h3.500L12 18.500v-13L7.500 9.500zM15.500 9a4 4 0 0 1 0 6M18 6.500a7.500 7.500 0 0 1 0 11" },
  audioOff: { line: "M4 9.500v5h3.500L12 18.500v-13L7.500 9.500zM16 9.500l5 5M21 9.500l-5 5" },
  light: { line: "M16 12a4 4 0 1 1-8 0 4 4 0 0 1 8 0zM12 2.500v2.500M12 19v2.500M2.500 12H5M19 12h2.500M5.300 5.300 7 7M17 17l1.700 1.700M5.300 18.700 7 17M17 7l1.700-1.700" },
  moon: { line: "M19.500 14.500A8 8 0 0 1 9.500 4.500a8 8 0 1 0 10 10z" },
  chip: { line: "M7.500 6h9A1.500 1.500 0 0 1 18 7.500v9a1.500 1.500 0 0 1-1.500 1.500h-9A1.500 1.500 0 0 1 6 16.500v-9A1.500 1.500 0 0 1 7.500 6zM9.500 3v3M14.500 3v3M9.500 18v3M14.500 18v3M3 9.500h3M3 14.500h3M18 9.500h3M18 14.500h3" },
  person: { line: "M15.500 8a3.500 3.500 0 1 1-7 0 3.500 3.500 0 0 1 7 0zM5 20c.6-4 3.300-6 7-6s6.400 2 7 6" },
  // deeds
  up: { line: "M5 15l7-7 7 7" },
  down: { line: "M5 9l7 7 7-7" },
  left: { line: "M15 5l-7 7 7 7" },
  right: { line: "M9 5l7 7-7 7" },
  centre: { line: "M15 12a3 3 0 1 1-6 0 3 3 0 0 1 6 0zM12 3v3M12 18v3M3 12h3M18 12h3" },
  zoomIn: { line: "M17 10.500a6.500 6.500 0 1 1-13 0 6.500 6.500 0 0 1 13 0zM15.500 15.500l5 5M8 10.500h5M10.500 8v5" },
  zoomOut: { line: "M17 10.500a6.500 6.500 0 1 1-13 0 6.500 6.500 0 0 1 13 0zM15.500 15.500l5 5M8 10.500h5" },
  minus: { line: "M5 12h14" },
  plus: { line: "M5 12h14M12 5v14" },
  eye: { line: "M2.500 12c2.500-4.500 5.700-6.500 9.500-6.500s7 2 9.500 6.500c-2.500 4.500-5.700 6.500-9.500 6.500s-7-2-9.500-6.500zM14.800 12a2.800 2.800 0 1 1-5.600 0 2.800 2.800 0 0 1 5.600 0z" },
  eyeOff: { line: "M5 8.500c-1 .9-1.800 2.100-2.500 3.500 2.500 4.500 5.700 6.500 9.500 6.500 1.500 0 2.900-.3 4.200-1M9.500 5.800c.8-.2 1.600-.3 2.500-.3 3.800 0 7 2 9.500 6.500-.7 1.200-1.400 2.200-2.200 3.100M4 4l16 16" },
  play: { line: "M7 4.500v15l12-7.500z" },
  retry: { line: "M19.500 12a7.500 7.500 0 1 1-2.400-5.500M19.500 4v4h-4" },
  stop: { line: "M6.500 6.500h11v11h-11z" },
  full: { line: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5" },
  menu: { line: "M4 7h16M4 12h16M4 17h16" },
  language: { line: "M20.500 12a8.500 8.500 0 1 1-17 0 8.500 8.500 0 0 1 17 0zM3.500 12h17M12 3.500c5 5 5 12 0 17M12 3.500c-5 5-5 12 0 17" },
  leave: { line: "M14 4.500H6A1.500 1.500 0 0 0 4.500 6v12A1.500 1.500 0 0 0 6 19.500h8M10 12h10.500M17 8.500l3.500 3.500-3.500 3.500" },
  clock: { line: "M20.500 12a8.500 8.500 0 1 1-17 0 8.500 8.500 0 0 1 17 0zM12 7v5l3.500 2" },
  file: { line: "M6.500 3.500H14l4.500 4.500v12h-12zM12.300 11v3.500M12.300 17.200v.1" },
  store: { line: "M5 4.500h11.500L19.500 7.500v12h-14.500zM8 4.500v5h7v-5M8 19.500v-6h8.500v6" },
} satisfies Record<string, Drawing>;

export type IconName = keyof typeof icons;

/** Words a room's files may use for an icon, English or Indonesian, beside our own names. */
const ALIASES: Record<string, IconName> = {
  rapat: "table",
  presentasi: "presentation",
  konferensi: "meeting",
  conference: "meeting",
  video: "meeting",
  "terima-tamu": "house",
  home: "house",
  welcome: "house",
  guests: "house",
  peresmian: "plaque",
  ceremony: "plaque",
  "semua-mati": "power",
  off: "power",
  lights: "light",
  relay: "light",
  display: "screen",
  wall: "screen",
  stage: "meeting",
  bridge: "chip",
  other: "chip",
  microphone: "audio",
  computer: "laptop",
  doc: "document",
};

/** The icon a file names, or a fitting one when it is unknown to us. */
export function iconFor(name: string, otherwise: IconName): IconName {
  if (name in icons) return name as IconName;
  return ALIASES[name] ?? otherwise;
}
