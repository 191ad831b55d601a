import { bikesLive } from './pipelines/bikes/live.js';
import { bikes } from './pipelines/bikes/model.js';
import { trainBikes } from './pipelines/bikes/pipeline.js';
import { diamonds } from './pipelines/diamonds/model.js';
import { trainDiamonds } from './pipelines/diamonds/pipeline.js';
import { iris } from './pipelines/iris/model.js';
import { trainIris } from './pipelines/iris/pipeline.js';
import { penguins } from './pipelines/penguins/model.js';
import { trainPenguins } from './pipelines/penguins/pipeline.js';
import { project } from './sdk/index.js';

export default project({
  pipelines: [trainBikes, trainIris, trainDiamonds, trainPenguins],
  models: [bikes, bikesLive, iris, diamonds, penguins],
});
