// Two minutes before a session ends, says so and offers to go on. Without scripts the page says in
// words when it ends.
const warningSeconds = 120
const notice = document.querySelector('[data-session-seconds]')

if (notice) {
  const opened = Date.now()
  let seconds = Number(notice.dataset.sessionSeconds)
  const words = notice.textContent
  const left = () => seconds - (Date.now() - opened) / 1000
  const stay = document.createElement('button')
  stay.type = 'button'
  stay.className = 'nhsuk-button nhsuk-button--secondary nhsuk-u-margin-top-3 nhsuk-u-margin-bottom-0'
  stay.textContent = 'Stay on this page'
  stay.addEventListener('click', async () => {
    const answer = await fetch('/session/stay', { credentials: 'same-origin' })
    if (answer.ok) {
      seconds = (Date.now() - opened) / 1000 + Number(await answer.text())
      notice.classList.remove('app-session--warning')
      notice.removeAttribute('role')
      notice.textContent = words
    }
  })
  setInterval(() => {
    if (left() <= 0) {
      if (!notice.dataset.ended) {
        notice.dataset.ended = 'yes'
        notice.textContent = 'This page has closed to protect your information. Open it again to go on.'
      }
    } else if (left() <= warningSeconds && !notice.classList.contains('app-session--warning')) {
      notice.classList.add('app-session--warning')
      notice.setAttribute('role', 'alert')
      notice.textContent = 'This page closes in about two minutes to protect your information. What you typed on this page and did not send will be lost.'
      notice.append(document.createElement('br'), stay)
    }
  }, 1000)
}

for (const button of document.querySelectorAll('[data-print]')) {
  button.hidden = false
  button.addEventListener('click', () => window.print())
}
