"use strict";
// One connection at a time: the picture comes as a track, controls go and figures come over a data channel.
const $ = (id) => document.getElementById(id);
const video = $("video");
let connection = null, channel = null, stream = null, adopted = false, split = null, dragging = false, sentAt = 0;

function say(text) { $("notice").textContent = text; }

function send(change) {
  if (channel && channel.readyState === "open") channel.send(JSON.stringify(change));
}

function hangUp() {
  if (connection) connection.close();
  if (stream) stream.getTracks().forEach((track) => track.stop());
  connection = channel = stream = null;
  adopted = false;
  video.srcObject = null;
}

async function connect(camera) {
  hangUp();
  $("source").setAttribute("aria-pressed", String(!camera));
  $("camera").setAttribute("aria-pressed", String(camera));
  say("Connecting…");
  let peer = null;
  const left = () => peer !== connection;  // the visitor has chosen something else meanwhile
  try {
    peer = connection = new RTCPeerConnection({ iceServers: [] });
    channel = peer.createDataChannel("controls");
    channel.onmessage = (event) => show(JSON.parse(event.data));
    peer.ontrack = (event) => {
      video.srcObject = new MediaStream([event.track]);
      if (event.receiver && "jitterBufferTarget" in event.receiver) event.receiver.jitterBufferTarget = 0;
    };
    peer.onconnectionstatechange = () => {
      if (left()) return;
      if (peer.connectionState === "connected") say("");
      if (peer.connectionState === "failed" || peer.connectionState === "disconnected") say("The connection was lost.");
    };
    if (camera) {
      if (!navigator.mediaDevices) throw new Error("Browsers give cameras to pages from https or localhost alone.");
      const seen = await navigator.mediaDevices.getUserMedia({
        video: { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30 } }, audio: false });
      if (left()) return seen.getTracks().forEach((track) => track.stop());
      stream = seen;
      peer.addTrack(stream.getVideoTracks()[0], stream);
    } else {
      peer.addTransceiver("video", { direction: "recvonly" });
    }
    await peer.setLocalDescription();
    if (left()) return;
    const response = await fetch("offer", {
      method: "POST", headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ sdp: peer.localDescription.sdp, camera }) });
    if (left()) return;
    if (!response.ok) throw new Error(await response.text());
    await peer.setRemoteDescription(await response.json());
  } catch (error) {
    if (left()) return;
    hangUp();
    say(error.name === "NotAllowedError" ? "The camera was not allowed." : error.message);
  }
}

function adopt(controls) {  // what the server was started with, or another visitor chose
  for (const name of ["strength", "smoothing"]) {
    $(name).value = controls[name];
    $(`${name}-value`).textContent = controls[name].toFixed(2);
  }
  for (const name of ["enabled", "mirror", "always"]) $(name).checked = controls[name];
  split = controls.split;
  $("compare").checked = split !== null;
  place();
}

function number(value, unit) { return value === null || value === undefined ? "–" : `${value}${unit}`; }

function show(news) {
  const { stats } = news;
  if (!adopted) adopt(news.controls);
  adopted = true;
  if (stats.latency_ms) {
    $("fps").textContent = stats.fps.toFixed(1);
    $("p50").textContent = number(stats.latency_ms.p50, " ms");
    $("p99").textContent = number(stats.latency_ms.p99, " ms");
    $("dropped").textContent = `${stats.dropped} of ${stats.frames + stats.dropped}`;
    $("mode").textContent = stats.mode;
    $("backend").textContent = stats.backend;
  }
  if (connection && connection.connectionState === "connected") say(stats.notice || "");
}

function place() {
  $("line").hidden = split === null;
  if (split !== null) $("line").style.left = `${split * 100}%`;
}

video.addEventListener("resize", () => {  // the stage fits the picture, so that the line stands where it splits
  if (video.videoWidth) $("stage").style.maxWidth = `${(68 * video.videoWidth) / video.videoHeight}vh`;
});
for (const name of ["strength", "smoothing"]) {
  $(name).addEventListener("input", () => {
    $(`${name}-value`).textContent = Number($(name).value).toFixed(2);
    send({ [name]: Number($(name).value) });
  });
}
for (const name of ["enabled", "mirror", "always"]) {
  $(name).addEventListener("change", () => send({ [name]: $(name).checked }));
}
$("compare").addEventListener("change", () => {
  split = $("compare").checked ? 0.5 : null;
  place();
  send({ split });
});
$("line").addEventListener("pointerdown", (event) => { dragging = true; $("line").setPointerCapture(event.pointerId); });
$("line").addEventListener("pointerup", () => { dragging = false; send({ split }); });
$("line").addEventListener("pointermove", (event) => {
  if (!dragging) return;
  const box = $("stage").getBoundingClientRect();
  split = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
  place();
  if (event.timeStamp - sentAt > 50) { sentAt = event.timeStamp; send({ split }); }
});
$("source").addEventListener("click", () => connect(false));
$("camera").addEventListener("click", () => connect(true));
if (document.body.dataset.source === "yes") connect(false);
else { $("source").disabled = true; say("Use your camera: the picture goes to this server and comes back bright."); }
