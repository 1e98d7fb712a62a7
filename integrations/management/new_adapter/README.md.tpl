# $title, as far as it is peculiar

Source: to be named. **Unverified** means that nobody documents it.

| what | how it is |
|---|---|
| Keys | |
| Limit | |
| Lists and pages | |
| What changed, what was removed | |
| Times | |
| Writes, and what becomes of them | |
| Errors | |
