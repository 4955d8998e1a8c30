// A worker file as an application writes it.
import { hostSocket } from "../../src/worker/host.ts";

hostSocket();
