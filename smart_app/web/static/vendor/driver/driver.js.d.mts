export function driver(options: object): any;
