// A worker file that never calls hostSocket().
import { stay } from "./main_thread.ts";

stay();
