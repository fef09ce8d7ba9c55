// Starts the design system's scripts. The two classes tell its style sheet that scripts run; they are
// set here and not in the page, because our pages allow no inline script.
import { initAll } from '/assets/nhsuk-frontend.min.js'

document.body.classList.add('js-enabled', 'nhsuk-frontend-supported')
initAll()
