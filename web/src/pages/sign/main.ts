import { mount } from "svelte";
import "../../styles/base.css";
import { page } from "../../ui/page.svelte";
import Sign from "./Sign.svelte";

page.followDevice();
const target = document.getElementById("app");
if (target) mount(Sign, { target });
