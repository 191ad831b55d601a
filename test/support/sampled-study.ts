import type { Params } from '../../workflows/sdk/search/space.js';
import type { SamplerEvent, SuggestAnswer, SuggestRequest } from '../../workflows/sdk/search/suggest.js';

/** Whatever answers requests: Optuna of a worker, or one after the other. */
type Suggest = (request: SuggestRequest) => Promise<SuggestAnswer>;

/** A run's side of a study: keeps the events, says what is new, and says all, in two parts, when the answer is that it is cold. */
export class SampledStudy {
  readonly events: SamplerEvent[] = [];
  /** How often it had to say all. */
  colds = 0;
  private known = 0;

  constructor(
    private readonly suggest: Suggest,
    private readonly header: Omit<SuggestRequest, 'since' | 'events' | 'trials'>,
  ) {}

  /** Asks for these trials; an answer counts as an event. */
  async ask(...trials: number[]): Promise<readonly Params[]> {
    const suggestions = await this.askInVain(...trials);
    this.known = this.events.length;
    trials.forEach((trial, index) => {
      this.events.push({ event: 'asked', trial, params: suggestions[index] ?? {} });
    });
    return suggestions;
  }

  /** Asks, and loses the answer. */
  async askInVain(...trials: number[]): Promise<readonly Params[]> {
    const since = this.known;
    const answer = await this.suggest({ ...this.header, since, events: this.events.slice(since), trials });
    if (!('isCold' in answer)) return answer.suggestions;
    this.colds++;
    const half = this.events.length >> 1;
    await this.suggest({ ...this.header, since: 0, events: this.events.slice(0, half), trials: [] });
    const rest = await this.suggest({ ...this.header, since: half, events: this.events.slice(half), trials });
    if ('isCold' in rest) throw new Error('cold, with all events');
    return rest.suggestions;
  }
}
