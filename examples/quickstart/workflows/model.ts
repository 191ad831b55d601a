import { model } from 'evertrain';
import { trainFlowers } from './pipeline.js';

/** Holds versions and the champion; a better version is promoted and deployed by itself. */
export const flowers = model('flowers', { pipeline: trainFlowers, promotion: { metric: 'accuracy' } });
