import { model } from 'evertrain';
import { evaluate } from './contracts.js';
import { trainFlowers } from './pipeline.js';

/** Holds versions and the champion; what is better on held-out rows is promoted and deployed by itself. */
export const flowers = model('flowers', { pipeline: trainFlowers, evaluate, promotion: { metric: 'accuracy' } });
