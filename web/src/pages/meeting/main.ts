import { mount } from "svelte";
import "../../styles/base.css";
import "../../styles/sheet.css";
import "./meeting.css";
import Meeting from "./Meeting.svelte";
import { Visit } from "./visit.svelte";

const visit = new Visit();
const target = document.getElementById("app");
if (target) mount(Meeting, { target, props: { visit } });
visit.start();
