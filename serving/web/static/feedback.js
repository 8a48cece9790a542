// A correction, sent without a new page. Without this script the form posts, and a page says thank you.

document.addEventListener("submit", (event) => {
  if (!event.target.matches("form.correction")) return;
  event.preventDefault();
  send(event.target, event.submitter);
});

/** Sends a form's correction once; what came of it is said below its buttons, and read out. */
async function send(form, button) {
  const choices = form.querySelector("fieldset");
  if (choices.disabled) return;
  const body = new URLSearchParams(new FormData(form));
  body.set(button.name, button.value);
  const outcome = form.querySelector(".outcome");
  choices.disabled = true;
  outcome.textContent = ""; // or the same words as before would not be read out again
  const { isNoted, sentence } = await post(form.getAttribute("action"), body);
  choices.hidden = isNoted;
  choices.disabled = isNoted;
  outcome.textContent = isNoted ? `Noted: “${button.value}” is right. Thank you.` : sentence;
  outcome.classList.toggle("fault", !isNoted);
  // A button that is disabled loses the focus, and whoever uses the keyboard their place; unless they went elsewhere.
  const { activeElement, body: nowhere } = document;
  if ([nowhere, button].includes(activeElement)) (isNoted ? outcome : button).focus({ preventScroll: true });
}

/** Never throws. */
async function post(address, body) {
  try {
    const response = await fetch(address, { method: "POST", body, headers: { Accept: "application/json" } });
    const answer = await response.json();
    return { isNoted: response.status === 201, sentence: `${answer.detail} Request ${answer.request_id}`.replaceAll("`", "") };
  } catch {
    return { isNoted: false, sentence: "The correction did not reach the server; try again in a moment." };
  }
}
