"""How Andon looks: tokens, one style sheet per component, and the reports drawn with them."""
