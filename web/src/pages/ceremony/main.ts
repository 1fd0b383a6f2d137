import { mount } from "svelte";
import "../../styles/base.css";
import "./ceremony.css";
import Operator from "./Operator.svelte";
import { Desk } from "./desk.svelte";

const desk = new Desk();
const target = document.getElementById("app");
if (target) mount(Operator, { target, props: { desk } });
void desk.start();
