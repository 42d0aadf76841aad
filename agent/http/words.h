/* What responses say on every wire, whatever the handler. */
#ifndef HTTP_WORDS_H
#define HTTP_WORDS_H

/* The reason phrase of a status; "" where there is none. */
const char *words_reason(int status);

/* The Date field's value, made anew once a second. Valid until then. */
const char *words_date(void);

#endif
