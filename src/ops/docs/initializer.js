// Runs in the browser. It is a file of its own because the page's Content-Security-Policy refuses inline scripts.
const root = document.getElementById("swagger-ui");

window.SwaggerUIBundle({
  domNode: root,
  url: root.dataset.specification,
  deepLinking: true,
  displayRequestDuration: true,
  // Neither the document nor the secret leaves this page: no validator badge, no storage, no settings from the query.
  validatorUrl: null,
  persistAuthorization: false,
  queryConfigEnabled: false,
});
