import { mount } from "svelte";
import "../../styles/base.css";
import { page } from "../../ui/page.svelte";
import Verify from "./Verify.svelte";

page.followDevice();
const target = document.getElementById("app");
if (target) mount(Verify, { target });
