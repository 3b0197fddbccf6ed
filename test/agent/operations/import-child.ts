import { ImportImageInput, importImage } from '../../../agent/operations/import-image.ts';
import { testAgent } from '../origin/agent.ts';

// A process of its own that runs one import: `node import-child.ts <root> <operation id> <input as JSON>`. It is there to be killed.
const [root = '', id = '', input = ''] = process.argv.slice(2);
const { agent } = await testAgent(root);
await agent.operations.submit(importImage(agent), { id, subject: 'image 1', input: ImportImageInput.parse(JSON.parse(input)) }).done;
