"use strict";
// Shows the rows that hold what is typed. Without this script the page has everything but the search box.
const box = document.getElementById("search");
box.parentElement.hidden = false;
const rows = document.querySelectorAll(".findings > tbody > tr, .owners > tbody > tr");
box.addEventListener("input", () => {
  const wanted = box.value.trim().toLowerCase();
  for (const row of rows) row.classList.toggle("unfound", !row.textContent.toLowerCase().includes(wanted));
  for (const check of document.querySelectorAll("main .check")) {
    const own = [...check.querySelectorAll(".findings > tbody > tr")];
    const unfound = own.filter((row) => row.classList.contains("unfound"));
    check.classList.toggle("unfound", unfound.length ? unfound.length === own.length : false);
  }
});
