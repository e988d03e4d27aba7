/* story.c - a program of the test initramfs: prints what a tracer should find out by itself: where its
 * functions are, and its threads. Run with arguments it prints them; with "threads" it makes two and joins
 * them. Static, position-independent. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int story_table[16] = {1, 2, 3};

__attribute__((noinline)) void *story_thread(void *arg)
{
    printf("story: thread %ld of %d\n", syscall(SYS_gettid), getpid());
    return arg;
}

int main(int argc, char **argv)
{
    pthread_t t[2];
    printf("story: pid %d parent %d arguments %d\n", getpid(), getppid(), argc);
    printf("story: symbol main %p\nstory: symbol story_thread %p\nstory: symbol story_table %p\n",
           (void *)main, (void *)story_thread, (void *)story_table);
    fflush(stdout);
    if (argc > 1 && !strcmp(argv[1], "threads"))
        for (int i = 0; i < 2; i++)
            if (!pthread_create(&t[i], NULL, story_thread, NULL))
                pthread_join(t[i], NULL);
    return argc > 2 ? 7 : 0;
}
