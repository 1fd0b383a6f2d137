/** Name of this build: a hash over the pages' sources, the same as in static/build.json. */
declare const __BUILD__: string;
