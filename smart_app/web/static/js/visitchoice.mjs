/**
 * The page on which the visit of a session is chosen: its times in the reader's zone.
 * @module
 */
import { localise } from "./times.mjs";

localise(document);
