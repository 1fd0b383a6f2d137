import { mount } from "svelte";
import "../../styles/base.css";
import Pad from "./Pad.svelte";
import { PadSession } from "./session.svelte";

const session = new PadSession();
const target = document.getElementById("app");
if (target) mount(Pad, { target, props: { session } });
void session.start();
