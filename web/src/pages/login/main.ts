import { mount } from "svelte";
import "../../styles/base.css";
import Entrance from "./Entrance.svelte";

const target = document.getElementById("app");
if (target) mount(Entrance, { target });
