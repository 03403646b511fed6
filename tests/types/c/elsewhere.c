/* What every.c needs to be linked. */

int elsewhere = 5;
